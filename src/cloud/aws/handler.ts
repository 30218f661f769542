import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { type Agent, request as httpsRequest } from 'node:https'
import type { HttpHandler, HttpHandlerOptions } from '@smithy/core/protocols'
import { readBounded } from '../../model/bytes.ts'
import { PurserError } from '../../model/errors.ts'
import { quote } from '../../model/host.ts'
import { isLoopback } from './endpoint.ts'

type HttpRequest = Omit<Parameters<HttpHandler['handle']>[0], 'clone'>

/** The APIs answer in 200 ms, of which another continent may take a second. */
const REQUEST_TIMEOUT_MS = 15_000
/** A token of 16 KiB at most, or the keys of a session, and the few properties around them. */
const MAX_ANSWER_BYTES = 64 * 1024
/** Clouds say what went wrong in a name; anything longer or stranger is not one. */
const ERROR_TYPE = /^[A-Za-z]{1,64}$/

/** The head of an answer that an SDK's client was given. */
interface Answer {
  readonly status: number
  /** The clock of who answered, in milliseconds since the epoch; `undefined` if it does not say. */
  readonly dateMs: number | undefined
  /** Amazon's name for what went wrong, where a header tells it. */
  readonly errorType: string | undefined
}

/** The way out for the clients of an SDK, and what came of it. */
export interface SdkHandler extends HttpHandler {
  handle(request: HttpRequest, options?: HttpHandlerOptions): ReturnType<HttpHandler['handle']>
  /** The last answer; `undefined` if nobody has answered yet. */
  readonly answer: Answer | undefined
  /** What this side refused to send. */
  readonly refusal: PurserError | undefined
}

/** How a handler sends. */
export interface SdkHandlerOptions {
  readonly httpsAgent: Agent
  /** Aborts every request. */
  readonly signal: AbortSignal
  /** From the first packet to the last byte of the answer. Default: 15 s. */
  readonly timeoutMs?: number
  /** Sends a request to another place than its client would. */
  readonly reroute?: (path: string) => URL | undefined
  /** Which hosts may be spoken to without TLS. Default: this machine. */
  readonly allowsHttp?: (hostname: string) => boolean
}

/**
 * Makes a handler that sends over our own connections, bounded in time and in bytes; it speaks
 * without TLS to this machine only, whatever a variable or a file names as endpoint.
 *
 * @see https://docs.aws.amazon.com/AWSJavaScriptSDK/v3/latest/Package/-smithy-types/Interface/HttpHandler
 */
export function createSdkHandler({
  httpsAgent,
  signal,
  timeoutMs = REQUEST_TIMEOUT_MS,
  reroute = () => undefined,
  allowsHttp = isLoopback,
}: SdkHandlerOptions): SdkHandler {
  let answer: Answer | undefined
  let refusal: PurserError | undefined

  function send(request: HttpRequest, abort: AbortSignal): ClientRequest {
    const target = targetOf(request, reroute)
    const isSecure = target.protocol === 'https:'
    if (!isSecure && !allowsHttp(target.hostname)) {
      refusal = insecure(target)
      throw refusal
    }
    const options = {
      method: request.method,
      hostname: target.hostname.replace(/^\[|\]$/g, ''),
      path: target.pathname + target.search,
      headers: { ...request.headers, host: target.host },
      signal: abort,
      ...(target.port !== '' && { port: Number(target.port) }),
    }
    return isSecure
      ? httpsRequest({ ...options, agent: httpsAgent })
      : httpRequest({ ...options, agent: false })
  }

  return {
    metadata: { handlerProtocol: 'http/1.1' },
    get answer() {
      return answer
    },
    get refusal() {
      return refusal
    },
    async handle(request, { abortSignal }: HttpHandlerOptions = {}) {
      const timeout = AbortSignal.timeout(timeoutMs)
      const abort = AbortSignal.any([
        signal,
        timeout,
        ...(abortSignal instanceof AbortSignal ? [abortSignal] : []),
      ])
      abort.throwIfAborted()
      try {
        const received = await new Promise<IncomingMessage>((resolve, reject) => {
          send(request, abort).on('response', resolve).on('error', reject).end(bodyOf(request))
        })
        answer = headOf(received)
        const headers = Object.fromEntries(
          Object.entries(received.headers).map(([name, value]) => [name, String(value)]),
        )
        // The SDK takes bytes for a stream's, and would collect whatever comes.
        const body = await readBounded(received, MAX_ANSWER_BYTES, tooLong)
        return { response: { statusCode: answer.status, headers, body } }
      } catch (error) {
        if (!timeout.aborted) throw error
        throw new PurserError('network', `no answer within ${timeoutMs / 1000} s`)
      }
    },
    updateHttpClientConfig: () => undefined,
    httpHandlerConfigs: () => ({}),
  }
}

function targetOf(
  { protocol, hostname, port, path, query }: HttpRequest,
  reroute: (path: string) => URL | undefined,
): URL {
  const target = new URL(`${protocol}//${hostname}${port === undefined ? '' : `:${port}`}`)
  const other = reroute(path)
  const base = other ?? target
  base.pathname = (other === undefined ? '' : other.pathname.replace(/\/$/, '')) + path
  for (const [name, value] of Object.entries(query ?? {})) {
    if (typeof value === 'string') base.searchParams.append(name, value)
  }
  return base
}

function bodyOf({ body }: HttpRequest): string | Uint8Array | undefined {
  return typeof body === 'string' || body instanceof Uint8Array ? body : undefined
}

function insecure({ protocol, host }: URL): PurserError {
  return new PurserError('policy', `refused to send anything to ${quote(`${protocol}//${host}`)}`, {
    hint: 'an endpoint other than Amazon’s must be https, or http on this machine',
  })
}

function tooLong(): Error {
  return new Error('the answer is too long')
}

function headOf({ statusCode = 0, headers }: IncomingMessage): Answer {
  const dateMs = Date.parse(headers.date ?? '')
  const named = headers['x-amzn-errortype']
  const [errorType = ''] = typeof named === 'string' ? named.split(':') : []
  return {
    status: statusCode,
    dateMs: Number.isNaN(dateMs) ? undefined : dateMs,
    errorType: ERROR_TYPE.test(errorType) ? errorType : undefined,
  }
}
