import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { bodyOf, hasBody } from './body.ts'
import { headersToUpstream } from './headers.ts'
import type { Route } from './route.ts'

/** A request on its way. */
export interface Trip {
  readonly route: Route
  readonly res: ServerResponse
  readonly headers: readonly string[]
  readonly body: Readable | undefined
  /** Whether the client holds its body back until it is asked for it. */
  readonly expects: boolean
  /** Milliseconds since the epoch. */
  readonly startedAt: number
}

/** Takes of a client's request what goes on. */
export function prepareTrip(
  req: IncomingMessage,
  res: ServerResponse,
  route: Route,
  startedAt: number,
): Trip {
  const headers = headersToUpstream(req.rawHeaders)
  const reads = route.method === 'GET' || route.method === 'HEAD' || route.method === 'DELETE'
  if (reads) return { route, res, headers, body: undefined, expects: false, startedAt }
  if (!hasBody(req)) {
    const all = [...headers, 'content-length', '0']
    return { route, res, headers: all, body: undefined, expects: false, startedAt }
  }
  const length = req.headers['content-length']
  if (length !== undefined) headers.push('content-length', length)
  const expects = req.headers.expect !== undefined
  // Should it be answered without its body, nobody can tell whether that comes all the same.
  if (expects) res.shouldKeepAlive = false
  return { route, res, headers, body: bodyOf(req), expects, startedAt }
}

/** What nginx waits for a response, and more than any client of registries does. */
export const PULL_HEADERS_TIMEOUT_MS = 60_000
