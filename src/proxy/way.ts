import type { UpstreamConfig } from '../config/config.ts'
import { quote } from '../model/host.ts'
import { isProblem, type Problem, problem } from './problem.ts'
import { conflict } from './route.ts'
import { type UpstreamTable, upstreamCalled, upstreamWritten } from './upstreams.ts'

/** How a request came in. */
export interface Way {
  /** The upstream that it is for, whatever its path says; `undefined` if the path or `ns` says. */
  readonly own: UpstreamConfig | undefined
  /** Path and query. */
  readonly url: string
}

/** What a request says about where it wants to go, before its path is looked at. */
export interface Address {
  /** The request's target, as it was sent. */
  readonly url: string
  /** The Host header. */
  readonly host: string | undefined
  /** Whether the header names the registry: on a unix socket it names nothing else. */
  readonly open?: boolean
}

/**
 * `http://ghcr.io/v2/…`, as clients send it to what they take for an HTTP proxy; the registry is
 * reached by https all the same.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2
 */
const ABSOLUTE = /^https?:\/\/([^/?#@]+)(\/.*)$/i
const LOOPBACK = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?$/i
/** `ghcr-io.localhost:5000`; a name below `localhost` is loopback's own (RFC 6761 6.3). */
const LABELLED = /^([a-z0-9.-]+)\.localhost(?::[0-9]{1,5})?$/i

/** Whether the request's target names a server of its own, so that its Host header counts nothing. */
export function isAbsolute(url: string): boolean {
  return !url.startsWith('/') && ABSOLUTE.test(url)
}

/**
 * Finds the upstream that a request names outside its path: by an absolute target, or by a name below
 * `localhost`.
 *
 * @param own the upstream whose own port the request came to
 */
export function wayOf(
  table: UpstreamTable,
  own: UpstreamConfig | undefined,
  { url, host = '', open = false }: Address,
): Way | Problem | Promise<Way | Problem> {
  const [, authority, path = ''] = url.startsWith('/') ? [] : (ABSOLUTE.exec(url) ?? [])
  if (authority === undefined) {
    const label = LABELLED.exec(host)?.[1]?.toLowerCase()
    if (label !== undefined) return join(own, url, label, upstreamCalled(table, label))
    return open ? byHost(table, own, { url, host }) : { own, url }
  }
  return join(own, path, authority, upstreamWritten(table, authority)).then(askedInFull)
}

/**
 * Who takes this for an HTTP proxy would send what it is redirected to here as well: to a store, which is
 * no upstream. So that is fetched here.
 *
 * @see https://github.com/dragonflyoss/nydus/blob/master/storage/src/backend/connection.rs `call`
 */
function askedInFull(way: Way | Problem): Way | Problem {
  if (isProblem(way) || way.own === undefined) return way
  const own = followed.get(way.own) ?? { ...way.own, redirects: 'follow' }
  followed.set(way.own, own)
  return { ...way, own }
}

/** One for each, since what is decided about an upstream is remembered by its object. */
const followed = new WeakMap<UpstreamConfig, UpstreamConfig>()

/** Clients of a unix socket send whatever host they like, or the registry's. */
async function byHost(
  table: UpstreamTable,
  own: UpstreamConfig | undefined,
  { url, host }: { readonly url: string; readonly host: string },
): Promise<Way | Problem> {
  const named = await upstreamWritten(table, host)
  return named === undefined ? { own, url } : join(own, url, host, named)
}

async function join(
  own: UpstreamConfig | undefined,
  url: string,
  name: string,
  found: UpstreamConfig | undefined | Promise<UpstreamConfig | undefined>,
): Promise<Way | Problem> {
  const named = await found
  // Our own address, in full.
  if (named === undefined && LOOPBACK.test(name)) return { own, url }
  if (named === undefined) return problem(404, 'NAME_UNKNOWN', `${quote(name)} is not an upstream`)
  if (own !== undefined && own.host.name !== named.host.name) {
    return conflict(`the port is for ${own.host.name}, the request names ${quote(name)}`)
  }
  return { own: named, url }
}
