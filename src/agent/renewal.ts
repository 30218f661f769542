import { createLru } from '../cache/lru.ts'
import { describeError } from '../model/errors.ts'
import type { Login } from '../model/login.ts'
import { nameOf, type Target } from '../model/target.ts'
import type { Log } from '../observe/log.ts'
import type { Resolution, Resolver, Upkeep } from '../resolver.ts'

/** A resolver that renews what it was asked for before it ends. */
export interface Renewal extends Resolver {
  /** Renews now what is due; resolves when that has ended, however it did. */
  check(): Promise<void>
  /** Checks from time to time, until it is closed; that alone keeps no process running. */
  start(): void
  stats(): RenewalStats
  close(): void
}

/** What there is to tell of a renewal. */
interface RenewalStats {
  /** How many logins are kept that a cloud has given. */
  readonly kept: number
  /** When the first of them ends. */
  readonly nextExpiry: Date | undefined
  readonly renewed: number
  /** How often a cloud was asked ahead in vain; the login in use then goes on until its margin. */
  readonly failed: number
}

/** What a renewal is made of. */
export interface RenewalOptions {
  readonly resolver: Resolver
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** At least 0 and less than 1. */
  readonly random: () => number
  readonly log: Log
}

/**
 * A look at a clock each 5 s, instead of a timer for each login: timers stand still while a laptop
 * sleeps. Of the shortest-lived login's last part, of a minute, that is a twelfth.
 */
const CHECK_INTERVAL_MS = 5_000

/** Renewals at a time: each takes 200 ms, so 20 a second, which is what Amazon allows an account. */
const MAX_CONCURRENT = 4

/** Longer than any exchange. */
const TIMEOUT_MS = 60_000

/** More than a node has identities, 1 KiB each. */
const CAPACITY = 4_096

/** Renewals are spread over this share of a login's last part; the rest is for trying again. */
const JITTER_SHARE = 0.7

/** The pause after a failure, which doubles with each. */
const FIRST_PAUSE_MS = 30_000

/** A login that is in use, and the question that it answered last: it is renewed by asking that. */
interface Tracked {
  readonly slot: string
  readonly login: Login
  readonly servedUntil: number
  /** How long ago a question may be for the login to be wanted: half the time that it is served. */
  readonly whileMs: number
  target: Target
  askedAt: number
  renewAt: number
  failures: number
  running: boolean
}

/** Renews logins at a moment of their own in the last part of their life, if they are wanted. */
export function createRenewal({ resolver, now, random, log }: RenewalOptions): Renewal {
  const tracked = createLru<Tracked>(CAPACITY)
  const known = new WeakMap<Login, Tracked>()
  const closed = new AbortController()
  let timer: NodeJS.Timeout | undefined
  let running = 0
  let renewed = 0
  let failed = 0

  function track({ login }: Resolution, target: Target, askedAt: number): void {
    const entry = known.get(login)
    if (entry !== undefined && tracked.get(entry.slot) === entry) {
      entry.target = target
      entry.askedAt = askedAt
      return
    }
    const upkeep = resolver.upkeepOf?.(login)
    if (upkeep === undefined) return
    const fresh = createTracked(upkeep, { login, target, askedAt })
    tracked.set(fresh.slot, fresh)
    known.set(login, fresh)
  }

  function createTracked(
    { slot, dueAt, servedUntil }: Upkeep,
    asked: Pick<Tracked, 'login' | 'target' | 'askedAt'>,
  ): Tracked {
    const from = Math.max(dueAt, now())
    const renewAt = from + random() * JITTER_SHARE * (servedUntil - from)
    // The last part of life is a quarter of the time that it is served for.
    const whileMs = (servedUntil - dueAt) * 2
    return { ...asked, slot, servedUntil, whileMs, renewAt, failures: 0, running: false }
  }

  /** The one that ends first. One that has ended is for the next question: nobody waits for it. */
  function nextDue(): Tracked | undefined {
    if (closed.signal.aborted) return undefined
    const at = now()
    return [...tracked.values()]
      .filter((entry) => !entry.running && entry.renewAt <= at && at < entry.servedUntil)
      .filter(({ askedAt, whileMs }) => at - askedAt <= whileMs)
      .reduce<Tracked | undefined>(
        (first, entry) => (first && first.servedUntil <= entry.servedUntil ? first : entry),
        undefined,
      )
  }

  async function renew(entry: Tracked): Promise<void> {
    const { target, login, slot } = entry
    const signal = AbortSignal.any([closed.signal, AbortSignal.timeout(TIMEOUT_MS)])
    try {
      const resolution = await resolver.renew?.(target, signal)
      if (resolution?.login === login) return postpone(entry)
      // Of another slot, if its credential was changed meanwhile; of none, if it was removed.
      if (tracked.get(slot) === entry) tracked.delete(slot)
      if (resolution === undefined) return
      renewed++
      track(resolution, entry.target, entry.askedAt)
    } catch (error) {
      if (closed.signal.aborted) return
      failed++
      log.warn('renewal failed', { target: nameOf(target), error: describeError(error) })
      postpone(entry)
      // Refused: it is dropped already.
      if (resolver.upkeepOf?.(login) === undefined) tracked.delete(slot)
    }
  }

  /** Half of what is left at the most, so that the shortest-lived are tried again as well. */
  function postpone(entry: Tracked): void {
    const leftMs = entry.servedUntil - now()
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** entry.failures, leftMs / 2)
    entry.failures++
    entry.renewAt = now() + pauseMs * (1 - random() / 2)
  }

  async function work(): Promise<void> {
    for (let entry = nextDue(); entry !== undefined; entry = nextDue()) {
      entry.running = true
      running++
      await renew(entry)
      entry.running = false
      running--
    }
  }

  async function check(): Promise<void> {
    for (const { slot, servedUntil } of [...tracked.values()]) {
      if (now() >= servedUntil) tracked.delete(slot)
    }
    await Promise.all(Array.from({ length: MAX_CONCURRENT - running }, work))
  }

  return {
    ...resolver,
    async resolve(target, signal) {
      const resolution = await resolver.resolve(target, signal)
      if (resolution !== undefined) track(resolution, target, now())
      return resolution
    },
    forget(login) {
      const entry = known.get(login)
      if (entry !== undefined && tracked.get(entry.slot) === entry) tracked.delete(entry.slot)
      resolver.forget?.(login)
    },
    check,
    start() {
      timer = setInterval(() => void check(), CHECK_INTERVAL_MS).unref()
    },
    stats() {
      const at = now()
      const kept = [...tracked.values()].filter(({ servedUntil }) => at < servedUntil)
      const ends = kept.flatMap(({ login }) => login.expiresAt?.getTime() ?? [])
      const nextExpiry = ends.length === 0 ? undefined : new Date(Math.min(...ends))
      return { kept: kept.length, nextExpiry, renewed, failed }
    },
    close() {
      clearInterval(timer)
      closed.abort()
    },
  }
}
