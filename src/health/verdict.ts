import { codeOf, describeError, hintOf, statusOf } from '../model/errors.ts'

/** How an entry stands: what came of logging in with it. */
export type Verdict = ValidVerdict | FailedVerdict

/** What a verdict may be, best first. */
export const HEALTH_STATES = ['valid', 'expired', 'refused', 'unreachable'] as const

/** What a verdict is in one word. */
export type HealthState = (typeof HEALTH_STATES)[number]

/** Somebody took the login, or would have taken any. */
interface ValidVerdict {
  readonly state: 'valid'
  /** When the login that was made ends; `undefined` if nobody told. */
  readonly expiresAt: Date | undefined
  /** Who took it, as whose. */
  readonly reason: string
}

/**
 * `expired`: it had an end, which is past. `refused`: somebody who may know said no. `unreachable`:
 * nobody said anything, so that it may be as good as ever.
 */
export interface FailedVerdict {
  readonly state: Exclude<HealthState, 'valid'>
  /** When it ended, where that is known. */
  readonly expiresAt: Date | undefined
  /** In one line: what was asked, and what was answered; never a secret. */
  readonly reason: string
  /** What to do next. */
  readonly hint: string | undefined
  /** The status of the answer, if there was one. */
  readonly status: number | undefined
}

/**
 * What an error on the way to a login says of the login.
 *
 * @param hint - how to get a better one, which is of no help where nobody could be asked
 */
export function verdictOn(error: unknown, hint?: string): FailedVerdict {
  const state = stateOf(error)
  const renewal = state === 'unreachable' ? undefined : hint
  const own = hintOf(error)
  return {
    state,
    expiresAt: undefined,
    reason: describeError(error),
    hint: codeOf(error) === 'upstream-refused' ? (renewal ?? own) : (own ?? renewal),
    status: statusOf(error),
  }
}

function stateOf(error: unknown): FailedVerdict['state'] {
  const status = statusOf(error)
  switch (codeOf(error)) {
    case 'credential-expired':
      return 'expired'
    case 'network':
    // It was not tried.
    case 'exchange-limit':
    case 'internal':
      return 'unreachable'
    default:
      return status !== undefined && isPassing(status) ? 'unreachable' : 'refused'
  }
}

/** Whether a server says by this status that it cannot tell now: too busy, or out of order. */
function isPassing(status: number): boolean {
  return status === 429 || status >= 500
}
