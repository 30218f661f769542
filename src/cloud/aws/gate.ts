import { createLru } from '../../cache/lru.ts'
import { PurserError } from '../../model/errors.ts'

/** Lets questions to one API pass: so many at a time, and no faster than it has said it wants. */
export interface Gate {
  /**
   * Asks until there is an answer, or until it has been asked often enough.
   *
   * @param lane - whose limit it is: an API in a region
   * @param identity - who asks
   */
  pass<T>(lane: string, identity: string, question: Question<T>, signal: AbortSignal): Promise<T>
  /**
   * @param what - is asked, for the error
   * @throws `exchange-failed` if this identity was told a moment ago to ask less
   */
  requireOpen(lane: string, identity: string, what: string): void
}

/** What is asked, and what its errors mean. */
export interface Question<T> {
  ask(): Promise<T>
  isThrottled(error: unknown): boolean
  /** Whether asking again may help. */
  isPassing(error: unknown): boolean
}

/** What a gate is made with. */
export interface GateOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Ends after so long, or throws the signal's reason. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>
  /** From 0 to below 1. Default: `Math.random`. */
  readonly random?: () => number
}

/** 20 a second, of which each takes 200 ms, are 4 at a time; as many wait for their connection. */
const MAX_AT_ONCE = 8
/** What ECR grants an account in a region: 20 a second. */
const PACE_MS = 50
const MAX_PACE_MS = 800
/** For so long after the last refusal the pace is kept. */
const CALM_MS = 30_000
/** Of other errors: three attempts see a server that is being replaced. */
const MAX_ATTEMPTS = 3
const BACKOFF_MS = 200
/** Of refusals for haste: the pauses grow to 8 s, and are a quarter of a minute together. */
const MAX_THROTTLED_ATTEMPTS = 6
const THROTTLED_BACKOFF_MS = 500
const MAX_BACKOFF_MS = 8_000
/** So long an identity is not heard that was refused to the end. */
const SHUT_MS = 20_000
const MAX_SHUT = 10_000
/** Amazon has 40 regions, and whoever makes names up gets no further than this. */
const MAX_LANES = 256

interface Lane {
  running: number
  readonly waiting: (() => void)[]
  /** Between the starts of two questions; 0 as long as nobody has refused. */
  paceMs: number
  /** When the next one may start, and when the last one was refused, in milliseconds. */
  nextAt: number
  refusedAt: number
}

/**
 * Makes a gate.
 *
 * Whoever is refused for haste waits a random part of a pause that grows, and from then on all in the
 * lane start one after another: two hundred that are refused together would come again together.
 *
 * @see https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
 */
export function createGate({ now, pause, random = Math.random }: GateOptions): Gate {
  const lanes = createLru<Lane>(MAX_LANES)
  const shut = createLru<number>(MAX_SHUT)

  function laneOf(name: string): Lane {
    const known = lanes.get(name)
    if (known !== undefined) return known
    const lane = { running: 0, waiting: [], paceMs: 0, nextAt: 0, refusedAt: 0 }
    lanes.set(name, lane)
    return lane
  }

  async function enter(lane: Lane, signal: AbortSignal): Promise<void> {
    if (lane.running < MAX_AT_ONCE) lane.running++
    else await turn(lane, signal)
    if (now() - lane.refusedAt > CALM_MS) lane.paceMs = 0
    if (lane.paceMs === 0) return
    const at = Math.max(now(), lane.nextAt)
    lane.nextAt = at + lane.paceMs
    try {
      await pause(Math.max(at - now(), 0), signal)
    } catch (error) {
      leave(lane)
      throw error
    }
  }

  function slow(lane: Lane, startedAt: number): void {
    // Those that were under way when the first was refused say nothing new.
    if (startedAt < lane.refusedAt) return
    lane.refusedAt = now()
    lane.paceMs = lane.paceMs === 0 ? PACE_MS : Math.min(lane.paceMs * 2, MAX_PACE_MS)
  }

  async function attempt<T>(lane: Lane, question: Question<T>, signal: AbortSignal) {
    await enter(lane, signal)
    const startedAt = now()
    try {
      return { value: await question.ask() }
    } catch (error) {
      const throttled = question.isThrottled(error)
      if (throttled) slow(lane, startedAt)
      return { error, throttled, again: throttled || question.isPassing(error) }
    } finally {
      leave(lane)
    }
  }

  return {
    async pass(name, identity, question, signal) {
      const lane = laneOf(name)
      for (let count = 1; ; count++) {
        const result = await attempt(lane, question, signal)
        if ('value' in result) return result.value
        signal.throwIfAborted()
        const most = backoffAfter(count, result)
        if (most === undefined) {
          if (result.throttled)
            shut.set(`${name} ${identity}`, now() + SHUT_MS * (1 + random()) * 0.5)
          throw result.error
        }
        await pause(most * random(), signal)
      }
    },
    requireOpen(name, identity, what) {
      const untilMs = (shut.get(`${name} ${identity}`) ?? 0) - now()
      // A clock that was set back would keep it shut for as long.
      if (untilMs > 0 && untilMs <= SHUT_MS) throw refused(what, untilMs)
    },
  }
}

/**
 * How long to wait at most before the next attempt, in milliseconds.
 *
 * @returns `undefined` if there is to be none
 */
function backoffAfter(
  count: number,
  { throttled, again }: { readonly throttled: boolean; readonly again: boolean },
): number | undefined {
  if (!again || count >= (throttled ? MAX_THROTTLED_ATTEMPTS : MAX_ATTEMPTS)) return undefined
  const first = throttled ? THROTTLED_BACKOFF_MS : BACKOFF_MS
  return Math.min(first * 2 ** (count - 1), MAX_BACKOFF_MS)
}

/** Waits until one that leaves hands over its place. */
function turn({ waiting }: Lane, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const take = () => {
      signal.removeEventListener('abort', giveUp)
      resolve()
    }
    const giveUp = () => {
      waiting.splice(waiting.indexOf(take), 1)
      reject(signal.reason)
    }
    waiting.push(take)
    signal.addEventListener('abort', giveUp, { once: true })
  })
}

function leave(lane: Lane): void {
  const next = lane.waiting.shift()
  if (next === undefined) lane.running--
  else next()
}

function refused(what: string, untilMs: number): PurserError {
  return new PurserError('exchange-failed', `${what}: Amazon has refused it for haste`, {
    hint: `it is asked again in ${Math.ceil(untilMs / 1000)} s`,
    status: 429,
  })
}
