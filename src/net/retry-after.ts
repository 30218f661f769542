import type { IncomingHttpHeaders } from 'undici/types/header.js'

/** No server sends its clients away for longer. */
const MAX_MS = 24 * 60 * 60_000

/**
 * How long a server wants to be left alone; `undefined` if it does not say.
 *
 * A date is counted from the server's own, whatever the clock is set to here.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
 */
export function retryAfterMs({
  'retry-after': after,
  date,
}: IncomingHttpHeaders): number | undefined {
  if (typeof after !== 'string') return undefined
  const ms = /^[0-9]{1,9}$/.test(after)
    ? Number(after) * 1_000
    : Date.parse(after) - Date.parse(String(date))
  return ms >= 0 ? Math.min(ms, MAX_MS) : undefined
}
