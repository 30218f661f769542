import { PurserError } from '../model/errors.ts'
import { sleep } from '../model/sleep.ts'
import {
  beginLife,
  type Clock,
  hasLeft,
  isDue,
  isServed,
  type LeastLife,
  type Lifetime,
  type Schedule,
  scheduleOf,
} from './lifetime.ts'
import { createLru } from './lru.ts'
import { createSingleFlight } from './single-flight.ts'
import {
  begin,
  checkPause,
  EMPTY_SLOT,
  emptied,
  fail,
  type Slot,
  succeed,
  toldAgain,
} from './slot.ts'

/** What a producer made, and when it ends. */
export interface Perishable<T> {
  readonly value: T
  /** `undefined` if nobody told; it is believed for a while. */
  readonly expiresAt: Date | undefined
}

type IsGood = (life: Lifetime) => boolean
type Produce<T> = (signal: AbortSignal) => Promise<Perishable<T>>

/** Values that cost an exchange, by key. */
export interface Cache<T> {
  /**
   * The cached value, or what `produce` makes; all who ask meanwhile wait for the same one.
   *
   * One who gives up does not stop the others. A failure is told to all who waited. The first few are
   * not kept; after that, it is told again until a pause is over.
   *
   * @throws `exchange-limit` if `produce` was called for this key too often of late
   */
  get(key: string, produce: Produce<T>, signal: AbortSignal): Promise<T>
  /**
   * Like {@link get}, but a value in its last part of life is made anew.
   *
   * If that fails, the value is served on until its margin, unless the failure is a refusal: then it is
   * dropped.
   *
   * @param least - how much of its life it is to have left instead, in milliseconds
   */
  renew(key: string, produce: Produce<T>, signal: AbortSignal, least?: LeastLife): Promise<T>
  /** Forgets a value that turned out to be no longer good, unless a newer one is there. */
  drop(key: string, value: T): void
  /** When a value is to be renewed; `undefined` if it is not the one that is kept. */
  schedule(key: string, value: T): Schedule | undefined
}

/** Where slots outlive the process, and are shared with others. */
export interface SlotStore<T> {
  /** @returns `undefined` if there is none that can be read */
  read(key: string): Slot<T> | undefined | Promise<Slot<T> | undefined>
  write(key: string, slot: Slot<T>): void | Promise<void>
  /**
   * Takes a slot, so that one process alone exchanges for it.
   *
   * @returns how to let go of it; `undefined` if another process has it
   */
  claim(key: string): Promise<(() => void) | undefined>
  /** How often to look whether another process has let go of it. Default: 20 ms. */
  readonly pollMs?: number
}

/** What a cache is made with. */
export interface CacheOptions<T> {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Milliseconds since the machine started, its sleep included. Default: by the wall clock alone. */
  readonly uptime?: () => number
  /** How many values are kept; the one unused for longest goes first. Default: 10,000. */
  readonly capacity?: number
  /** Default: nothing outlives the process. */
  readonly store?: SlotStore<T>
  /** Whether two values are the same one. Default: identity. */
  readonly same?: (a: T, b: T) => boolean
}

const NO_STORE: SlotStore<never> = {
  read: () => undefined,
  write: () => undefined,
  claim: async () => () => undefined,
}

/**
 * Another process is given this long to end its exchange. One that was stopped half-way never does,
 * and an exchange too many is better than no login.
 */
const CLAIM_TIMEOUT_MS = 30_000
/** How often to look whether it has; an exchange takes 100 ms and more. */
const CLAIM_POLL_MS = 20

/** Makes a cache that knows when its values end, by the clocks and on each use: timers sleep. */
export function createCache<T>(options: CacheOptions<T>): Cache<T> {
  const { now, capacity = 10_000, store = NO_STORE, same = Object.is } = options
  const clock: Clock = { now, uptime: options.uptime ?? now }
  const slots = createLru<Slot<T>>(capacity)
  const flights = createSingleFlight<T>()

  async function look(key: string): Promise<Slot<T>> {
    return newer(key, await store.read(key))
  }

  /** The newer of the two copies: the store may not take what is written. */
  function newer(key: string, stored: Slot<T> | undefined): Slot<T> {
    const own = slots.get(key) ?? EMPTY_SLOT
    if (stored === undefined || stored.changedAt <= own.changedAt) return own
    slots.set(key, stored)
    return stored
  }

  async function save(key: string, slot: Slot<T>): Promise<Slot<T>> {
    slots.set(key, slot)
    await store.write(key, slot)
    return slot
  }

  async function exchange(key: string, slot: Slot<T>, produce: Produce<T>, signal: AbortSignal) {
    checkPause(slot, now())
    const begun = await save(key, begin(slot, now()))
    try {
      const { value, expiresAt } = await produce(signal)
      const kept = { value, ...beginLife(expiresAt, clock) }
      // An end at no time that there is makes it none.
      if (!(kept.lifeMs > 0)) throw deadOnArrival()
      await save(key, succeed(begun, kept, now()))
      return value
    } catch (error) {
      if (!signal.aborted) await save(key, fail(begun, error, now()))
      throw error
    }
  }

  /** The value, as soon as there is a good one, or how to let go of the slot that is now this one's. */
  async function claim(key: string, isGood: IsGood, signal: AbortSignal) {
    const { pollMs = CLAIM_POLL_MS } = store
    for (let waitedMs = 0; ; waitedMs += pollMs) {
      const slot = await look(key)
      if (slot.kept !== undefined && isGood(slot.kept)) return slot.kept
      checkPause(slot, now())
      const release = await store.claim(key)
      if (release !== undefined) return release
      if (waitedMs >= CLAIM_TIMEOUT_MS) return () => undefined
      await sleep(pollMs, signal)
    }
  }

  /** Makes a value, unless another process does so meanwhile: then that one is taken. */
  async function fill(key: string, isGood: IsGood, produce: Produce<T>, signal: AbortSignal) {
    const since = now()
    const claimed = await claim(key, isGood, signal)
    if (typeof claimed !== 'function') return claimed.value
    try {
      signal.throwIfAborted()
      const slot = await look(key)
      if (slot.kept !== undefined && isGood(slot.kept)) return slot.kept.value
      // Another process has asked while this one waited: its failure is this one's too.
      if (slot.failure !== undefined && slot.failure.at > since) throw toldAgain(slot.failure)
      return await exchange(key, slot, produce, signal)
    } finally {
      claimed()
    }
  }

  const isFresh: IsGood = (life) => isServed(life, clock)
  const isYoung: IsGood = (life) => isFresh(life) && !isDue(life, clock)

  return {
    async get(key, produce, signal) {
      signal.throwIfAborted()
      const kept = slots.get(key)?.kept
      if (kept !== undefined && isFresh(kept)) return kept.value
      return flights.join(key, (shared) => fill(key, isFresh, produce, shared), signal)
    },
    async renew(key, produce, signal, least) {
      const isGood: IsGood =
        least === undefined ? isYoung : (life) => isFresh(life) && hasLeft(life, least, clock)
      const ask = () => flights.join(key, (shared) => fill(key, isGood, produce, shared), signal)
      if (least === undefined) return ask()
      const good = () => {
        const kept = slots.get(key)?.kept
        return kept !== undefined && isGood(kept) ? kept : undefined
      }
      // Whoever was joined may have asked for less, and got what was there.
      const value = good()?.value ?? (await ask())
      return good() === undefined ? ask() : value
    },
    drop(key, value) {
      const has = ({ kept }: Slot<T>) => kept !== undefined && same(kept.value, value)
      const own = slots.get(key)
      const mine = own !== undefined && has(own) ? { ...own, kept: undefined } : undefined
      // At once for this process, however long the store takes; no newer than what it was, so that a
      // newer one in the store stays.
      if (mine !== undefined) slots.set(key, mine)
      const settle = (stored: Slot<T> | undefined) => {
        const slot = newer(key, stored)
        if (slot === mine || has(slot)) void save(key, emptied(slot, now()))
      }
      const found = store.read(key)
      if (found instanceof Promise) void found.then(settle)
      else settle(found)
    },
    schedule(key, value) {
      const kept = slots.get(key)?.kept
      return kept !== undefined && same(kept.value, value) ? scheduleOf(kept, clock) : undefined
    },
  }
}

function deadOnArrival(): PurserError {
  return new PurserError('exchange-failed', 'what was given in exchange had ended already', {
    hint: 'set the clock of this machine right',
  })
}
