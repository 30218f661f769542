import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { type Dispatcher, errors } from 'undici'
import type { IncomingHttpHeaders } from 'undici/types/header.js'
import type { Net } from '../net/net.ts'

/** How a body is sent that its client holds back until it is wanted. */
export interface Expectation {
  readonly net: Pick<Net, 'upstream' | 'open'>
  /** Tells the client to send its body. */
  goAhead(): void
  /** Default: 1 s. */
  readonly patienceMs?: number
}

/** A server need not say that it wants the body: then curl sends it after a second, and so do we. */
const PATIENCE_MS = 1_000

/** As of all connections to registries. */
const MAX_HEADER_BYTES = 128 * 1024

/** What a server says that knows no expectations. */
const EXPECTATION_FAILED = 417

/**
 * Makes a way to a registry that asks it first whether it wants the body, and then the client for the
 * body: what is refused has cost nobody a byte, and can be asked again.
 *
 * On a connection of its own, because undici knows no `Expect`.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1
 */
export function expecting(expectation: Expectation): Pick<Dispatcher, 'dispatch'> {
  return {
    dispatch(options, handler) {
      void send(expectation, options, handler)
      return true
    },
  }
}

async function send(
  { net, goAhead, patienceMs = PATIENCE_MS }: Expectation,
  options: Dispatcher.DispatchOptions,
  handler: Dispatcher.DispatchHandler,
): Promise<void> {
  const abort = new AbortController()
  const controller = createController(abort)
  handler.onRequestStart?.(controller, undefined)
  try {
    const asked = await begin(net, options, abort.signal)
    const feeding = feed(asked, options.body, { goAhead, patienceMs, handler })
    try {
      const answer = await answerOf(asked)
      if (answer.statusCode === EXPECTATION_FAILED && !feeding.begun()) {
        goAhead()
        net.upstream.dispatch(options, handler)
        return
      }
      controller.follow(answer)
      handler.onResponseStart?.(controller, answer.statusCode ?? 0, headersOf(answer))
      answer.on('data', (chunk: Buffer) => handler.onResponseData?.(controller, chunk))
      await finished(answer, { writable: false })
      handler.onResponseEnd?.(controller, {})
    } finally {
      feeding.end()
      asked.destroy()
    }
  } catch (error) {
    const cause: unknown = abort.signal.aborted ? abort.signal.reason : error
    handler.onResponseError?.(controller, cause instanceof Error ? cause : new Error(String(cause)))
  }
}

async function begin(
  { open }: Pick<Net, 'open'>,
  { origin = '', path, method, headers, headersTimeout }: Dispatcher.DispatchOptions,
  signal: AbortSignal,
): Promise<ClientRequest> {
  const url = new URL(origin)
  const socket = await open(url, signal)
  const asked = request({
    ...{ method, path, signal, maxHeaderSize: MAX_HEADER_BYTES },
    headers: { ...recordOf(headers), host: url.host, expect: '100-continue' },
    createConnection: () => socket,
    timeout: headersTimeout ?? 0,
  })
  // Whoever waits for the answer hears of errors; later ones are the answer's own.
  asked.on('error', () => undefined)
  return asked.once('timeout', () => asked.destroy(new errors.HeadersTimeoutError()))
}

interface FeedOptions extends Required<Pick<Expectation, 'goAhead' | 'patienceMs'>> {
  readonly handler: Dispatcher.DispatchHandler
}

/** Sends a body once it is wanted, or nobody says that it is not. */
function feed(asked: ClientRequest, body: unknown, { goAhead, patienceMs, handler }: FeedOptions) {
  let begun = false
  const onData = (chunk: Buffer) => {
    handler.onBodySent?.(chunk)
    if (!asked.write(chunk)) stream.pause()
  }
  const onDrain = () => void stream.resume()
  const onEnd = () => void asked.end()
  const begin = () => {
    if (begun) return
    begun = true
    goAhead()
    asked.on('drain', onDrain)
    stream.on('data', onData).on('end', onEnd)
  }
  const stream = body instanceof Readable ? body : Readable.from([])
  const timer = setTimeout(begin, patienceMs)
  asked.once('continue', begin)
  return {
    begun: () => begun,
    end() {
      clearTimeout(timer)
      asked.off('continue', begin).off('drain', onDrain)
      stream.off('data', onData).off('end', onEnd)
    },
  }
}

function answerOf(asked: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    // What turns to another protocol ends without either.
    const hungUp = () => reject(new errors.SocketError('other side closed'))
    asked.once('response', resolve).once('error', reject).once('close', hungUp)
  })
}

/** The transfer in the hands of whoever passes its answer on. */
function createController(abort: AbortController) {
  let answer: IncomingMessage | undefined
  return {
    follow(begun: IncomingMessage) {
      answer = begun
    },
    get aborted() {
      return abort.signal.aborted
    },
    get paused() {
      return answer?.isPaused() === true
    },
    get reason(): Error | null {
      return abort.signal.aborted ? abort.signal.reason : null
    },
    abort: (reason: Error) => abort.abort(reason),
    pause: () => void answer?.pause(),
    resume: () => void answer?.resume(),
  }
}

/** Of the flat list that undici takes, what node takes. */
function recordOf(headers: Dispatcher.DispatchOptions['headers']): Record<string, string[]> {
  const record: Record<string, string[]> = {}
  const list = Array.isArray(headers) ? headers.map(String) : []
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i] ?? ''
    record[name] = [...(record[name] ?? []), list[i + 1] ?? '']
  }
  return record
}

/** As undici tells them: a list only of what comes more than once. */
function headersOf({ headersDistinct }: IncomingMessage): IncomingHttpHeaders {
  const headers: IncomingHttpHeaders = {}
  for (const [name, values = []] of Object.entries(headersDistinct)) {
    headers[name] = values.length === 1 ? values[0] : values
  }
  return headers
}
