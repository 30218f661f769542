import { systemCode } from '../model/errors.ts'

/**
 * What says that a connection was not made, or ended before anything was said on it. A connection that
 * idled too long may close just as it is used again: that is nobody's fault.
 *
 * Not what took its time to fail: whoever waits has waited long enough.
 */
const TRANSIENT = new Set([
  ...['EAI_AGAIN', 'ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH', 'EPIPE'],
  'UND_ERR_SOCKET',
])

/** Whether to try again, where nothing has come of the first try: for what changes nothing, alone. */
export function isTransient(error: unknown): boolean {
  return TRANSIENT.has(systemCode(error) ?? '')
}

/** Tries after the first one. A registry that is started anew is back within a second, or not soon. */
export const MAX_RETRIES = 3

/** A round trip, and what a proxy in front of several machines takes to see that one is gone. */
const FIRST_PAUSE_MS = 100

/**
 * How long to wait before a retry: nothing before the first, since most are for a connection that has
 * idled; then three times as long for each, and spread over that whole time, for all who were cut off by
 * the same event would come back together.
 *
 * @param retry - the first is 1
 * @param random - at least 0 and less than 1
 * @see https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
 */
export function pauseMsBefore(retry: number, random: number): number {
  return retry === 1 ? 0 : FIRST_PAUSE_MS * 3 ** (retry - 2) * random
}
