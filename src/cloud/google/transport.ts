import { gaxios } from 'google-auth-library'
import { PurserError } from '../../model/errors.ts'
import { pause } from '../pause.ts'
import { type Answer, ask, type Way } from './ask.ts'

/** The way out for the SDK's clients, and what came of it. */
export interface Transport {
  /** As the SDK's clients take it. */
  readonly gaxios: gaxios.Gaxios
  /** The last answer; `undefined` if nobody has answered yet. */
  readonly answer: Answer | undefined
  /** Why there was none the last time. */
  readonly failure: unknown
}

/** Three attempts see a server that is being replaced. */
const MAX_RETRIES = 2
const FIRST_PAUSE_MS = 200

/**
 * Makes a transport: over our own connections, bounded in time and in bytes.
 *
 * Left to itself, the SDK would send by the environment's proxy and follow redirects, with roots of
 * the environment's choosing.
 */
export function createTransport(way: Way): Transport {
  let answer: Answer | undefined
  let failure: unknown

  const fetchOverWay: typeof fetch = async (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input)
    if (url.protocol !== 'https:') {
      failure = new PurserError('policy', `refused to send anything to ${url.origin}`)
      throw failure
    }
    const headers = Object.fromEntries(new Headers(init.headers))
    const { body } = init
    const isForm = body instanceof URLSearchParams
    if (isForm) headers['content-type'] ??= 'application/x-www-form-urlencoded;charset=UTF-8'
    try {
      failure = undefined
      answer = await ask(
        {
          method: init.method ?? 'GET',
          url,
          headers,
          body: isForm || typeof body === 'string' ? String(body) : undefined,
        },
        way,
      )
    } catch (error) {
      failure = error
      throw error
    }
    // An answer of these has no body, and Response takes none.
    const isEmpty = answer.status === 204 || answer.status === 205
    return new Response(isEmpty ? null : answer.body, {
      status: answer.status,
      headers: answer.headers,
    })
  }

  return {
    gaxios: new gaxios.Gaxios({
      fetchImplementation: fetchOverWay,
      // One that is named keeps the SDK from looking for the environment's proxy.
      agent: way.httpsAgent,
      retryConfig: {
        retry: MAX_RETRIES,
        shouldRetry: ({ config }) =>
          (config.retryConfig?.currentRetryAttempt ?? 0) < MAX_RETRIES &&
          !way.signal.aborted &&
          isPassing(answer, failure),
        retryBackoff: ({ config }) =>
          pause(FIRST_PAUSE_MS * 2 ** (config.retryConfig?.currentRetryAttempt ?? 1), way.signal),
      },
    }),
    get answer() {
      return answer
    },
    get failure() {
      return failure
    },
  }
}

/** Whether asking again may help: who refused for a reason refuses again. */
function isPassing(answer: Answer | undefined, failure: unknown): boolean {
  if (failure !== undefined) return !(failure instanceof PurserError) || failure.code === 'network'
  return answer !== undefined && (answer.status >= 500 || answer.status === 429)
}
