/** The two clocks that a life is measured by. */
export interface Clock {
  /** Milliseconds since the epoch, by the wall clock: people and time servers set it. */
  now(): number
  /** Milliseconds since the machine started, its sleep included: nobody sets it. */
  uptime(): number
}

/** When something was made, by both clocks, and how long it lives from then on. */
export interface Lifetime {
  readonly bornAt: number
  readonly bornUptime: number
  readonly lifeMs: number
}

/**
 * How far the wall clock may be off between two looks at it, to either side: what Kerberos allows,
 * and more than machines that are looked after ever are.
 */
export const SKEW_MS = 5 * 60_000

/** The uptime comes in steps of a second on some systems, and is read a moment after the other. */
const AGREEMENT_MS = 2_000

/** A value in its last tenth of life is not served any more, */
const MARGIN_SHARE = 0.1
/** nor is one with less than a minute left: a client needs time to use what it got. */
const MIN_MARGIN_MS = 60_000

/**
 * How long a value is believed of which nobody told the end: 6 exchanges an hour, of the 12 that
 * there may be.
 */
const UNTOLD_LIFE_MS = 10 * 60_000

/**
 * No cloud's login lives for longer than 12 hours: an answer that says otherwise, or whose date is far
 * from ours, is not believed for ever.
 */
const MAX_LIFE_MS = 24 * 60 * 60_000

/** A value is in its last part of life when this share of the time that it is served for is over. */
const DUE_SHARE = 0.75

/** The life of something that was made just now. */
export function beginLife(expiresAt: Date | undefined, clock: Clock): Lifetime {
  const bornAt = clock.now()
  const toldMs = expiresAt === undefined ? UNTOLD_LIFE_MS : expiresAt.getTime() - bornAt
  const lifeMs = Math.min(toldMs, MAX_LIFE_MS)
  return { bornAt, bornUptime: clock.uptime(), lifeMs }
}

/**
 * How old it is, at the most.
 *
 * While both clocks tell the same, that is the age. When they do not, the wall clock was set (the
 * uptime is right, and a later wall clock errs to the safe side), or the machine was started anew or
 * is another one (the uptime says nothing, and the wall clock may be off). Which of them it was cannot
 * be told, so the greater of the two is taken, and the skew on top:
 *
 * - set by any amount: the uptime's age is the true one, so this is no less
 * - started anew, or another machine: the true age is at most the wall clock's and the skew
 *
 * A wall clock that is further back than the skew explains tells nothing: infinitely old.
 */
export function ageOf({ bornAt, bornUptime }: Lifetime, clock: Clock): number {
  const wallMs = clock.now() - bornAt
  const uptimeMs = clock.uptime() - bornUptime
  const agree = Math.abs(wallMs - uptimeMs) <= AGREEMENT_MS
  if (wallMs < (agree ? -AGREEMENT_MS : -SKEW_MS)) return Number.POSITIVE_INFINITY
  return Math.max(wallMs, uptimeMs) + (agree ? 0 : SKEW_MS)
}

/** How long it is served for: a life shorter than two of the least margins, for half of itself. */
function servedMs({ lifeMs }: Lifetime): number {
  return lifeMs - Math.min(Math.max(lifeMs * MARGIN_SHARE, MIN_MARGIN_MS), lifeMs / 2)
}

/** Whether it may still be handed out: neither at its end nor within the margin before that. */
export function isServed(life: Lifetime, clock: Clock): boolean {
  return ageOf(life, clock) < servedMs(life)
}

/** Whether it is time to make another one, while this one is still good. */
export function isDue(life: Lifetime, clock: Clock): boolean {
  return ageOf(life, clock) >= servedMs(life) * DUE_SHARE
}

/** How much of a life of so many milliseconds is to be left, in milliseconds. */
export type LeastLife = (lifeMs: number) => number

/** More than this of a life is not to be asked for: it would be over as soon as it began. */
const MOST_SHARE = 0.9

/** Whether so much of it is left. */
export function hasLeft(life: Lifetime, least: LeastLife, clock: Clock): boolean {
  const { lifeMs } = life
  return lifeMs - ageOf(life, clock) >= Math.min(least(lifeMs), lifeMs * MOST_SHARE)
}

/** Until when it is served, and from when on it may be renewed, by today's wall clock. */
export interface Schedule {
  readonly dueAt: number
  readonly servedUntil: number
}

export function scheduleOf(life: Lifetime, clock: Clock): Schedule {
  const bornAt = clock.now() - ageOf(life, clock)
  const served = servedMs(life)
  return { dueAt: bornAt + served * DUE_SHARE, servedUntil: bornAt + served }
}
