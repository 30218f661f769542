import type { IncomingMessage } from 'node:http'
import { createMemo } from '../cache/memo.ts'
import type { UpstreamConfig } from '../config/config.ts'
import { answerHere, type LocalAnswer } from './local.ts'
import { isProblem, type Problem } from './problem.ts'
import { type Route, routeOf } from './route.ts'
import type { UpstreamTable } from './upstreams.ts'
import { wayOf } from './way.ts'

/** Finds what a request asks for, or why it gets nothing. Nothing is dialled to find it. */
export type Routes = (from: Entry, req: IncomingMessage) => Found | Promise<Found>

/** Where requests go to, if they go anywhere. */
type Found = LocalAnswer | Route | Problem

/** What the place where a request came in says about it. */
interface Entry {
  /** The one upstream that is served there. */
  readonly own: UpstreamConfig | undefined
  /** Whether the Host header names the registry. */
  readonly open: boolean
}

/** What routes are found by. */
export interface RoutesOptions {
  readonly upstreams: UpstreamTable
  /** What `/metrics` answers; without, there is no such path. */
  readonly metrics?: () => Promise<LocalAnswer>
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** As long as a host that is found by its credential is one. */
const MEMO_MS = 1_000
/** A layer each, of a hundred images. */
const MEMO_CAPACITY = 1_000
/** Hosts, a name and a digest; a longer one is found anew each time. */
const MAX_KNOWN_LENGTH = 512

/**
 * Makes what finds routes.
 *
 * Lazy readers ask for thousands of ranges of one blob, all by the same URL: what it means is
 * remembered for a second.
 */
export function createRoutes({ upstreams, metrics, now }: RoutesOptions): Routes {
  const known = createMemo<Found>({ now, ttlMs: MEMO_MS, capacity: MEMO_CAPACITY })

  async function find(
    { own, open }: Entry,
    method: string,
    url: string,
    host: string | undefined,
  ): Promise<Found> {
    const way = await wayOf(upstreams, own, { url, host, open })
    if (isProblem(way)) return way
    const local = way.url === url ? undefined : answerHere(method, way.url, metrics)
    return local ?? routeOf(upstreams, way.own, method, way.url)
  }

  return (from, { method = '', url = '', rawHeaders }) => {
    const here = answerHere(method, url, metrics)
    if (here !== undefined) return here
    const host = hostOf(rawHeaders)
    const look = () => find(from, method, url, host)
    if (method !== 'GET' || !url.startsWith('/v2/')) return look()
    // The url is the last word of it, and has no space: no two requests have the same by accident.
    const key = `${from.own?.host.name} ${from.open} ${host} ${url}`
    return key.length <= MAX_KNOWN_LENGTH ? known.get(key, look) : look()
  }
}

/** Not by `headers`, which Node makes of all of them when it is first asked. */
function hostOf(rawHeaders: readonly string[]): string | undefined {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() === 'host') return rawHeaders[i + 1]
  }
  return undefined
}
