import type { Dispatcher } from 'undici'
import { readBounded } from '../model/bytes.ts'
import { PurserError } from '../model/errors.ts'
import { tryParseJson } from '../model/json.ts'
import { adviceOn, SILENCE } from './advice.ts'
import { send } from './persistence.ts'
import { retryAfterMs } from './retry-after.ts'

/** A question whose answer is a JSON document. */
export interface JsonRequest {
  readonly method: 'GET' | 'POST'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** Until when an answer is waited for. */
export interface ExchangeLimits {
  readonly signal: AbortSignal
  /** From the first packet to the last byte of the answer. Default: 30 s, as docker waits. */
  readonly timeoutMs?: number
}

/**
 * A token has to fit into a header, which servers limit to 16 or 64 KiB; an answer may hold it
 * twice, as `token` and `access_token`. So 2 x 64 KiB hold whatever could be used.
 *
 * @see https://github.com/oras-project/oras-go/blob/main/registry/remote/auth/client.go
 */
const MAX_ANSWER_BYTES = 2 * 64 * 1024

const DEFAULT_TIMEOUT_MS = 30_000

/** What of a query may be shown; a signed URL's or a form's other parameters are secrets. */
const SHOWN_PARAMETERS = new Set(['scope', 'service'])

/**
 * Asks for a JSON document, and follows no redirect: it would take the credential along.
 *
 * @returns the document, of whatever shape.
 * @throws `upstream-refused` if the answer is not a 2xx or not JSON; `network` if there is none
 * within the limits; the signal's reason if it is aborted.
 */
export async function exchangeJson(
  dispatcher: Dispatcher,
  request: JsonRequest,
  limits: ExchangeLimits,
): Promise<unknown> {
  const { text } = await receive(dispatcher, request, { ...limits, hears: isSuccess })
  // The parser's own error quotes its input, and the input is a token.
  const parsed = tryParseJson(text)
  if (parsed === undefined) {
    const what = describeRequest(request)
    throw new PurserError('upstream-refused', `${what}: not a JSON document`)
  }
  return parsed
}

/** What a server said, whatever it meant by it. */
export interface JsonAnswer {
  readonly status: number
  /** `undefined` if it is no JSON document. */
  readonly document: unknown
}

/**
 * Asks as {@link exchangeJson} does, and hears a refusal out: for those who know which of its words
 * may be shown.
 *
 * @throws `network` if there is no answer within the limits; `upstream-refused` if there is no end to
 * it; the signal's reason if it is aborted.
 */
export async function askJson(
  dispatcher: Dispatcher,
  request: JsonRequest,
  limits: ExchangeLimits,
): Promise<JsonAnswer> {
  const { status, text } = await receive(dispatcher, request, { ...limits, hears: () => true })
  return { status, document: tryParseJson(text) }
}

/** `METHOD "origin/path?query"`, with no more of the query than may be shown. */
export function describeRequest({ method, url }: Pick<JsonRequest, 'method' | 'url'>): string {
  const shown = new URL(url.pathname, url.origin)
  for (const [name, value] of url.searchParams) {
    if (SHOWN_PARAMETERS.has(name)) shown.searchParams.append(name, value)
  }
  return `${method} "${decodeColons(shown.href).slice(0, 500)}"`
}

/** Scopes are full of colons, commas and slashes; encoded, nobody can read them. */
function decodeColons(href: string): string {
  return href.replaceAll('%3A', ':').replaceAll('%2F', '/').replaceAll('%2C', ',')
}

interface ReceiveOptions extends ExchangeLimits {
  /** Whether the body of such an answer is read; otherwise it is an error. */
  hears(status: number): boolean
}

async function receive(
  dispatcher: Dispatcher,
  { method, url, headers, body }: JsonRequest,
  { signal, timeoutMs = DEFAULT_TIMEOUT_MS, hears }: ReceiveOptions,
): Promise<{ readonly status: number; readonly text: string }> {
  const what = describeRequest({ method, url })
  const timeout = AbortSignal.timeout(timeoutMs)
  try {
    const answer = await send(dispatcher, {
      origin: url.origin,
      path: url.pathname + url.search,
      method,
      headers: { accept: 'application/json', ...headers },
      body: body ?? null,
      signal: AbortSignal.any([signal, timeout]),
    })
    const status = answer.statusCode
    if (!hears(status)) {
      answer.body.on('error', () => undefined).destroy()
      throw refused(what, status, retryAfterMs(answer.headers))
    }
    const tooLong = () =>
      new PurserError('upstream-refused', `${what}: an answer of more than 128 KiB`)
    const bytes = await readBounded(answer.body, MAX_ANSWER_BYTES, tooLong)
    return { status, text: bytes.toString('utf8') }
  } catch (error) {
    signal.throwIfAborted()
    if (timeout.aborted) {
      throw new PurserError('network', `${what}: no answer within ${timeoutMs / 1000} s`, {
        hint: SILENCE,
      })
    }
    if (error instanceof PurserError) throw error
    throw new PurserError('network', what, { cause: error, hint: adviceOn(error) })
  }
}

function isSuccess(status: number): boolean {
  return status >= 200 && status <= 299
}

function refused(what: string, status: number, retryAfterMs?: number): PurserError {
  const redirect = status >= 300 && status <= 399
  const why = redirect ? `status ${status}: redirects are not followed` : `status ${status}`
  return new PurserError('upstream-refused', `${what}: ${why}`, { status, retryAfterMs })
}
