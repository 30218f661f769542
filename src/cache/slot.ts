import {
  codeOf,
  describeError,
  type ErrorCode,
  hintOf,
  PurserError,
  statusOf,
} from '../model/errors.ts'
import { type Lifetime, SKEW_MS } from './lifetime.ts'

/** A value while it is kept. */
export interface Kept<T> extends Lifetime {
  readonly value: T
}

/** What came of the last exchanges, if nothing did. */
export interface Failure {
  /** Milliseconds since the epoch. */
  readonly at: number
  /** How many there were in a row. */
  readonly count: number
  readonly code: ErrorCode
  readonly message: string
  readonly hint: string | undefined
  /** The status of the answer, if there was one. */
  readonly status: number | undefined
}

/** What is known under one key: a value, and what was asked for it. */
export interface Slot<T> {
  readonly kept: Kept<T> | undefined
  /** When the exchanges began that count against the limit, in milliseconds since the epoch. */
  readonly exchanges: readonly number[]
  /** Which of them made the last value. */
  readonly madeBy: number | undefined
  readonly failure: Failure | undefined
  /** Which of two copies is newer, in milliseconds since the epoch. */
  readonly changedAt: number
}

/** Nothing is known yet. */
export const EMPTY_SLOT: Slot<never> = {
  kept: undefined,
  exchanges: [],
  madeBy: undefined,
  failure: undefined,
  changedAt: Number.NEGATIVE_INFINITY,
}

/**
 * At most 12 exchanges per key and hour, whatever they answer: a refusal repeated for ever is how
 * agents of this kind take an account's whole request quota with them.
 */
const MAX_EXCHANGES = 12
const EXCHANGE_WINDOW_MS = 60 * 60_000

/**
 * An exchange whose value was not replaced for this long does not count any more: the shortest-lived
 * cloud tokens, of five minutes, are served for four and may be renewed after three. So there are at
 * most 60 / 2.5 = 24 such exchanges an hour, whatever is answered.
 */
const EARNED_MS = 2.5 * 60_000

/**
 * A failure may be tried again at once a few times, as by somebody who mends its reason; then the
 * pauses double, up to ten minutes. So what was out of order for a while is found to be in order again
 * after no more than the same while, and 13 tries take longer than the hour that has 12
 * (0.5 + 1 + 2 + 4 + 8 + 5 x 10 = 65.5 min): an outage alone never ends in `exchange-limit`.
 */
const FREE_FAILURES = 3
const FIRST_PAUSE_MS = 30_000
const MAX_PAUSE_MS = 10 * 60_000

/**
 * Checks that a slot that failed may be tried again.
 *
 * @throws the last failure again, while it is too early for another try
 */
export function checkPause({ failure }: Slot<unknown>, at: number): void {
  if (failure === undefined || failure.count < FREE_FAILURES) return
  const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** (failure.count - FREE_FAILURES), MAX_PAUSE_MS)
  const leftMs = failure.at + pauseMs - at
  // A clock that was set back must not make the pause longer.
  if (leftMs > 0 && leftMs <= pauseMs) throw toldAgain(failure, leftMs)
}

/** The error of a failure that somebody else met. */
export function toldAgain({ code, message, hint, status }: Failure, leftMs?: number): PurserError {
  const next = leftMs === undefined ? '' : `; next try in ${Math.ceil(leftMs / 1000)} s`
  return new PurserError(code, `${message}${next}`, { hint, status })
}

/**
 * An exchange begins.
 *
 * @throws `exchange-limit` if there were too many of late
 */
export function begin<T>(slot: Slot<T>, at: number): Slot<T> {
  const { madeBy } = slot
  const earned = madeBy !== undefined && at - madeBy >= EARNED_MS ? madeBy : undefined
  const counted = slot.exchanges.filter(
    (then) => then !== earned && at - then < EXCHANGE_WINDOW_MS && then - at <= SKEW_MS,
  )
  if (counted.length >= MAX_EXCHANGES) throw tooMany(counted[0] ?? at, at)
  return { ...slot, exchanges: [...counted, at], changedAt: at }
}

/** The exchange that began last has made a value. */
export function succeed<T>(slot: Slot<T>, kept: Kept<T>, at: number): Slot<T> {
  return { ...slot, kept, madeBy: slot.exchanges.at(-1), failure: undefined, changedAt: at }
}

/** The exchange that began last has failed. A value that was renewed ahead lives on, unless refused. */
export function fail<T>(slot: Slot<T>, error: unknown, at: number): Slot<T> {
  const failure: Failure = {
    at,
    count: (slot.failure?.count ?? 0) + 1,
    code: codeOf(error),
    message: describeError(error),
    hint: hintOf(error),
    status: statusOf(error),
  }
  const kept = isRefusal(failure) ? undefined : slot.kept
  return { ...slot, kept, failure, changedAt: at }
}

/** Without its value, which turned out to be no longer good. */
export function emptied<T>(slot: Slot<T>, at: number): Slot<T> {
  return { ...slot, kept: undefined, changedAt: at }
}

/** Whether somebody said no, rather than nothing, or that it is asked too often or in trouble. */
function isRefusal({ code, status = 0 }: Failure): boolean {
  return code !== 'network' && code !== 'internal' && status !== 429 && status < 500
}

function tooMany(first: number, at: number): PurserError {
  const minutes = Math.ceil((first + EXCHANGE_WINDOW_MS - at) / 60_000)
  return new PurserError(
    'exchange-limit',
    `this credential was exchanged ${MAX_EXCHANGES} times within the hour`,
    { hint: `mend what made it fail; the next try is due in ${minutes} min` },
  )
}
