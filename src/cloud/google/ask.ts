import { request as httpRequest, type IncomingMessage } from 'node:http'
import { type Agent, request as httpsRequest } from 'node:https'
import { readBounded } from '../../model/bytes.ts'
import { PurserError } from '../../model/errors.ts'

/** What is sent; plain http only to where the caller has made sure that it may go. */
interface Question {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | undefined
}

/** How it is sent. */
export interface Way {
  readonly httpsAgent: Agent
  readonly signal: AbortSignal
  /** From the first packet to the last byte of the answer. Default: 10 s. */
  readonly timeoutMs?: number
}

/** What came back. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** The clock of who answered, in milliseconds since the epoch; `undefined` if it does not say. */
  readonly dateMs: number | undefined
}

/** Google answers in 200 ms; another continent takes a second. */
const DEFAULT_TIMEOUT_MS = 10_000
/** Tokens have up to 16 KiB, an identity token of Azure's included. */
const MAX_ANSWER_BYTES = 64 * 1024

/**
 * Asks once, and follows no redirect: it would take the credential along.
 *
 * @throws `upstream-refused` if the answer leads elsewhere, or is too long; `network` if there is none
 * in time; the signal's reason if it is aborted; else the system's error
 */
export async function ask(question: Question, way: Way): Promise<Answer> {
  const { signal, timeoutMs = DEFAULT_TIMEOUT_MS } = way
  const timeout = AbortSignal.timeout(timeoutMs)
  const abort = AbortSignal.any([signal, timeout])
  abort.throwIfAborted()
  try {
    const received = await send(question, way.httpsAgent, abort)
    const status = received.statusCode ?? 0
    if (status >= 300 && status <= 399) {
      received.on('error', () => undefined).destroy()
      throw new PurserError(
        'upstream-refused',
        `status ${status} of ${question.url.origin}: redirects are not followed`,
      )
    }
    const tooLong = () => new PurserError('upstream-refused', 'an answer of more than 64 KiB')
    const body = await readBounded(received, MAX_ANSWER_BYTES, tooLong)
    return {
      status,
      headers: headersOf(received),
      body: body.toString('utf8'),
      dateMs: dateOf(received),
    }
  } catch (error) {
    signal.throwIfAborted()
    if (!timeout.aborted) throw error
    throw new PurserError('network', `no answer of ${question.url.origin} in ${timeoutMs / 1000} s`)
  }
}

function send(
  { method, url, headers, body }: Question,
  httpsAgent: Agent,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const options = {
    method,
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    path: url.pathname + url.search,
    headers: { ...headers, host: url.host },
    signal,
    ...(url.port !== '' && { port: Number(url.port) }),
  }
  return new Promise((resolve, reject) => {
    const request =
      url.protocol === 'https:'
        ? httpsRequest({ ...options, agent: httpsAgent })
        : httpRequest({ ...options, agent: false })
    request.on('response', resolve).on('error', reject).end(body)
  })
}

function headersOf({ headers }: IncomingMessage): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
}

function dateOf({ headers }: IncomingMessage): number | undefined {
  const dateMs = Date.parse(headers.date ?? '')
  return Number.isNaN(dateMs) ? undefined : dateMs
}
