import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { IncomingHttpHeaders } from 'undici/types/header.js'
import { saysRefused } from '../token/expired.ts'
import type { ConnectionQueue } from './connection-queue.ts'
import { type Problem, problem } from './problem.ts'
import type { Verdict } from './verdict.ts'

/** How registries are reached, and who shares the connections to them. */
export interface Ways {
  readonly dispatcher: Pick<Dispatcher, 'dispatch'>
  readonly queue: ConnectionQueue
}

/** One request to a registry, and the client that waits for the response. */
export interface Relay {
  readonly origin: string
  readonly path: string
  readonly method: string
  readonly headers: string[]
  readonly body: Readable | undefined
  readonly headersTimeoutMs: number
  readonly res: ServerResponse
  judge(status: number, headers: IncomingHttpHeaders): Verdict
}

/**
 * How it ended. But for `sent` and `broken`, the client has got nothing yet; `bytes` are those of
 * the bodies, both ways.
 */
export type Outcome =
  | { readonly kind: 'sent'; readonly status: number; readonly bytes: number }
  /** In the middle, or because the client went: its connection is gone. */
  | { readonly kind: 'broken'; readonly status: number; readonly bytes: number }
  | { readonly kind: 'unauthorized'; readonly challenges: readonly string[] }
  | { readonly kind: 'moved'; readonly path: string }
  /** A HEAD's 400 or 403, which cannot say whether it is about the credential's age. */
  | { readonly kind: 'unclear'; readonly status: number; readonly headers: string[] }
  | Extract<Verdict, { readonly kind: 'elsewhere' }>
  | { readonly kind: 'problem'; readonly problem: Problem }
  | { readonly kind: 'failed'; readonly error: Error }

/**
 * A registry that goes silent within a body for this long is gone. The clock stands still while it
 * is the client that does not read.
 */
const BODY_TIMEOUT_MS = 120_000

/** Of a body that nobody wants, so much is read to save the connection; of an error, to judge it. */
const MAX_UNWANTED_BYTES = 64 * 1024
/** And it is waited for so long: the client's answer waits too. */
const MAX_UNWANTED_MS = 2_000

/**
 * Each begins the wait for the headers anew. Who commits an upload for a quarter of an hour, and says so
 * every 20 s, needs 45.
 */
const MAX_INTERIM = 100

/** What the response's bytes are for. */
type Mode = 'stream' | 'hold' | 'discard'

/**
 * Sends a request and passes the response on as it comes, in both directions no faster than the
 * other side takes it; no body is ever whole in memory.
 */
export function relay({ dispatcher, queue }: Ways, request: Relay): Promise<Outcome> {
  const { res, body } = request
  // Gone while the credential was looked for: nobody is left to send anything for.
  if (res.destroyed) return Promise.resolve({ kind: 'broken', status: 0, bytes: 0 })
  return new Promise((resolve) => {
    let controller: Dispatcher.DispatchController | undefined
    let mode: Mode = 'discard'
    let status = 0
    let bytes = 0
    let unwanted = 0
    let interim = 0
    let headers: string[] = []
    let held: Buffer[] = []
    /** What is told at the end of a body that the client does not get. */
    let pending: Outcome | undefined
    let settled = false
    let paused = false
    let timer: NodeJS.Timeout | undefined
    const entered = queue.enter(request.origin, {
      isClientsTurn: () => paused || (status === 0 && body !== undefined && awaits(body)),
      evict() {
        settle({ kind: 'broken', status, bytes })
        controller?.abort(new Error('client stands still'))
        res.destroy()
      },
    })
    if (entered === undefined) return resolve({ kind: 'problem', problem: tooMany(request) })
    const place = entered

    function settle(outcome: Outcome): void {
      if (settled) return
      settled = true
      clearTimeout(timer)
      res.off('close', onClose)
      resolve(outcome)
    }

    function onClose(): void {
      if (res.writableFinished) return
      settle({ kind: 'broken', status, bytes })
      controller?.abort(new Error('client went away'))
    }

    function onDrain(): void {
      paused = false
      controller?.resume()
    }

    function write(chunk: Buffer): void {
      bytes += chunk.length
      if (res.write(chunk)) return
      paused = true
      place.moved()
      controller?.pause()
      res.once('drain', onDrain)
    }

    function startStream(): void {
      mode = 'stream'
      clearTimeout(timer)
      res.writeHead(status, headers)
      for (const chunk of held) write(chunk)
      held = []
    }

    /** The client waits no longer for the end of a body that it does not get. */
    function giveUp(): void {
      if (mode === 'hold') {
        startStream()
      } else {
        if (pending !== undefined) settle(pending)
        controller?.abort(new Error('the rest is not wanted'))
      }
    }

    function begin(verdict: Verdict): void {
      switch (verdict.kind) {
        case 'pass':
          headers = verdict.headers
          startStream()
          break
        case 'suspect':
          headers = verdict.headers
          mode = 'hold'
          break
        case 'elsewhere':
          // All is said: nobody waits for a redirect's own body.
          settle(verdict)
          break
        case 'moved':
        case 'unauthorized':
        case 'problem':
          pending = verdict
      }
      if (mode !== 'stream') timer = setTimeout(giveUp, MAX_UNWANTED_MS)
    }

    function endHeld(): void {
      if (request.method === 'HEAD') {
        settle({ kind: 'unclear', status, headers })
      } else if (saysRefused(Buffer.concat(held).toString('latin1'))) {
        settle({ kind: 'unauthorized', challenges: [] })
      } else {
        startStream()
        endStream()
      }
    }

    function endStream(): void {
      res.end()
      settle({ kind: 'sent', status, bytes })
    }

    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(started) {
        controller = started
        place.moved()
        if (settled) started.abort(new Error('client went away'))
      },
      onBodySent(chunk) {
        bytes += chunk.length
        place.moved()
      },
      onResponseStart(response, statusCode, received) {
        // Slices of the connection's first read, whose 64 KiB would stay for as long as the body takes.
        response.rawHeaders = null
        if (settled) return
        // 103 and its like: only the last response counts, and node has sent its own 100.
        if (statusCode < 200) {
          if (++interim > MAX_INTERIM) controller?.abort(new Error('it never comes to an answer'))
          return
        }
        status = statusCode
        begin(request.judge(statusCode, received))
      },
      onResponseData(_, chunk) {
        if (mode === 'stream') return write(chunk)
        unwanted += chunk.length
        if (mode === 'hold') held.push(chunk)
        if (unwanted > MAX_UNWANTED_BYTES) giveUp()
      },
      onResponseEnd() {
        place.leave()
        clearTimeout(timer)
        if (mode === 'stream') endStream()
        else if (mode === 'hold') endHeld()
        else if (pending !== undefined) settle(pending)
      },
      onResponseError(_, error) {
        place.leave()
        clearTimeout(timer)
        if (settled) return
        if (pending !== undefined) return settle(pending)
        if (!res.headersSent) return settle({ kind: 'failed', error })
        settle({ kind: 'broken', status, bytes })
        // Never a clean end: the client would take what it has for the whole.
        res.destroy()
      },
    }

    res.once('close', onClose)
    dispatcher.dispatch(
      {
        origin: request.origin,
        path: request.path,
        method: request.method,
        headers: request.headers,
        body: request.body ?? null,
        headersTimeout: request.headersTimeoutMs,
        // undici closes the connection after a HEAD, and it shall: a server that sends a body all the
        // same, and late, would have it taken for the answer to the next request.
        bodyTimeout: BODY_TIMEOUT_MS,
      },
      handler,
    )
  })
}

/** Whoever is turned away tries again later; whoever waits behind a thousand others goes away anyhow. */
function tooMany({ origin }: Relay): Problem {
  const told = `too many requests wait for ${new URL(origin).host}`
  return { ...problem(503, 'UNAVAILABLE', told), retryAfterS: 1 }
}

/** Whether a body's next bytes are the client's to send. */
function awaits(body: Readable): boolean {
  return !body.readableEnded && body.readableLength === 0
}
