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
  if (reads) return { route, res, headers, body: undefined, startedAt }
  if (!hasBody(req)) {
    const all = [...headers, 'content-length', '0']
    return { route, res, headers: all, body: undefined, startedAt }
  }
  const length = req.headers['content-length']
  if (length !== undefined) headers.push('content-length', length)
  // Held back until now: who may not push is told so before the first byte of a layer is sent.
  if (req.headers.expect !== undefined) res.writeContinue()
  return { route, res, headers, body: bodyOf(req), startedAt }
}

/** What nginx waits for a response, and more than any client of registries does. */
export const PULL_HEADERS_TIMEOUT_MS = 60_000
