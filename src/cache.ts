import { PurserError } from './model/errors.ts'

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

export interface CacheOptions {
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
  value?: Perishable<T> & { readonly margin: number }
  pending?: Promise<Perishable<T>>
  waiting: number
  abort?: AbortController
  exchanges: number[]
}

/**
 * Makes a cache in memory that knows when its values end, by the wall clock and on each use: a
 * timer would have slept with the laptop.
 */
export function createCache<T>({ now, capacity = 10_000 }: CacheOptions): Cache<T> {
  const slots = new Map<string, Slot<T>>()

  function slotOf(key: string): Slot<T> {
    const slot = slots.get(key) ?? { waiting: 0, exchanges: [] }
    // Map keeps the order of insertion: the first is the one unused for longest.
    slots.delete(key)
    slots.set(key, slot)
    if (slots.size > capacity) evict()
    return slot
  }

  function evict(): void {
    for (const [key, slot] of slots) {
      if (slot.pending !== undefined) continue
      slots.delete(key)
      return
    }
  }

  function start(
    slot: Slot<T>,
    produce: (signal: AbortSignal) => Promise<Perishable<T>>,
  ): Promise<Perishable<T>> {
    const at = now()
    slot.exchanges = slot.exchanges.filter((then) => at - then < EXCHANGE_WINDOW_MS && then <= at)
    if (slot.exchanges.length >= MAX_EXCHANGES) throw tooMany(slot.exchanges[0] ?? at, at)
    slot.exchanges.push(at)
    const abort = new AbortController()
    slot.abort = abort
    const pending = produce(abort.signal).then((made) => {
      slot.value = { ...made, margin: marginOf(made, at) }
      return made
    })
    slot.pending = pending
    const settle = () => {
      if (slot.pending === pending) delete slot.pending
    }
    pending.then(settle, settle)
    return pending
  }

  return {
    async get(key, produce, signal) {
      signal.throwIfAborted()
      const slot = slotOf(key)
      if (slot.value !== undefined && isFresh(slot.value, now())) return slot.value.value
      delete slot.value
      const pending = slot.pending ?? start(slot, produce)
      slot.waiting++
      try {
        return (await untilAborted(pending, signal)).value
      } finally {
        slot.waiting--
        // Only when nobody waits any more is the work for nobody.
        if (slot.waiting === 0 && slot.pending === pending) {
          delete slot.pending
          slot.abort?.abort()
        }
      }
    },
    drop(key, value) {
      const slot = slots.get(key)
      if (slot?.value?.value === value) delete slot.value
    },
  }
}

/** A value that lives shorter than the least margin is served for half of its life. */
function marginOf({ expiresAt }: Perishable<unknown>, bornAt: number): number {
  if (expiresAt === undefined) return 0
  const life = expiresAt.getTime() - bornAt
  return Math.min(Math.max(life * MARGIN_SHARE, MIN_MARGIN_MS), life / 2)
}

function isFresh(
  { expiresAt, margin }: { readonly expiresAt: Date | undefined; readonly margin: number },
  at: number,
): boolean {
  return expiresAt === undefined || at < expiresAt.getTime() - margin
}

function tooMany(first: number, at: number): PurserError {
  const minutes = Math.ceil((first + EXCHANGE_WINDOW_MS - at) / 60_000)
  return new PurserError(
    'exchange-limit',
    `this credential was exchanged ${MAX_EXCHANGES} times within the hour`,
    { hint: `mend what made it fail; the next try is due in ${minutes} min` },
  )
}

function untilAborted<V>(promise: Promise<V>, signal: AbortSignal): Promise<V> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
