import { PurserError } from '../model/errors.ts'
import { createLru } from './lru.ts'
import { createSingleFlight } from './single-flight.ts'

/** What a producer made, and how long it lives. */
interface Perishable<T> {
  readonly value: T
  /** `undefined` lives as long as the process. */
  readonly expiresAt: Date | undefined
}

/** Values that cost an exchange, by key. */
export interface Cache<T> {
  /**
   * The cached value, or what `produce` makes; all who ask meanwhile wait for the same one.
   *
   * Failures are told to all who waited and not kept. One who gives up does not stop the others.
   *
   * @throws `exchange-limit` if `produce` was called for this key too often of late
   */
  get(
    key: string,
    produce: (signal: AbortSignal) => Promise<Perishable<T>>,
    signal: AbortSignal,
  ): Promise<T>
  /** Forgets a value that turned out to be no longer good, unless a newer one is there. */
  drop(key: string, value: T): void
}

/** What a cache is made with. */
export interface CacheOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** How many values are kept; the one unused for longest goes first. Default: 10,000. */
  readonly capacity?: number
}

/** A value in its last tenth of life is fetched anew, */
const MARGIN_SHARE = 0.1
/** and one with less than a minute left too: a client needs time to use what it got. */
const MIN_MARGIN_MS = 60_000

/**
 * At most 12 exchanges per key and hour, whatever they answer: one each 5 minutes is as often as
 * the shortest-lived cloud token needs, and a refusal repeated for ever is how agents of this kind
 * take an account's whole request quota with them.
 */
const MAX_EXCHANGES = 12
const EXCHANGE_WINDOW_MS = 60 * 60 * 1000

interface Slot<T> {
  kept?: Perishable<T> & { readonly marginMs: number }
  /** When the last exchanges began, in milliseconds since the epoch. */
  exchanges: readonly number[]
}

/**
 * Makes a cache in memory that knows when its values end, by the wall clock and on each use: a
 * timer would have slept with the laptop.
 */
export function createCache<T>({ now, capacity = 10_000 }: CacheOptions): Cache<T> {
  const slots = createLru<Slot<T>>(capacity)
  const flights = createSingleFlight<T>()

  function addSlot(key: string): Slot<T> {
    const slot: Slot<T> = { exchanges: [] }
    slots.set(key, slot)
    return slot
  }

  async function fill(slot: Slot<T>, produce: () => Promise<Perishable<T>>): Promise<T> {
    const at = now()
    slot.exchanges = slot.exchanges.filter((then) => at - then < EXCHANGE_WINDOW_MS && then <= at)
    if (slot.exchanges.length >= MAX_EXCHANGES) throw tooMany(slot.exchanges[0] ?? at, at)
    slot.exchanges = [...slot.exchanges, at]
    const made = await produce()
    slot.kept = { ...made, marginMs: marginOf(made, at) }
    return made.value
  }

  return {
    async get(key, produce, signal) {
      signal.throwIfAborted()
      const slot = slots.get(key) ?? addSlot(key)
      if (slot.kept !== undefined && isFresh(slot.kept, now())) return slot.kept.value
      delete slot.kept
      return flights.join(key, (shared) => fill(slot, () => produce(shared)), signal)
    },
    drop(key, value) {
      const slot = slots.get(key)
      if (slot?.kept?.value === value) delete slot.kept
    },
  }
}

/** A value that lives shorter than the least margin is served for half of its life. */
function marginOf({ expiresAt }: Perishable<unknown>, bornAt: number): number {
  if (expiresAt === undefined) return 0
  const lifeMs = expiresAt.getTime() - bornAt
  return Math.min(Math.max(lifeMs * MARGIN_SHARE, MIN_MARGIN_MS), lifeMs / 2)
}

function isFresh(
  { expiresAt, marginMs }: { readonly expiresAt: Date | undefined; readonly marginMs: number },
  at: number,
): boolean {
  return expiresAt === undefined || at < expiresAt.getTime() - marginMs
}

function tooMany(first: number, at: number): PurserError {
  const minutes = Math.ceil((first + EXCHANGE_WINDOW_MS - at) / 60_000)
  return new PurserError(
    'exchange-limit',
    `this credential was exchanged ${MAX_EXCHANGES} times within the hour`,
    { hint: `mend what made it fail; the next try is due in ${minutes} min` },
  )
}
