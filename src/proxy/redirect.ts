import { originOf } from '../token/upstream.ts'
import { resolveLocation } from './location.ts'
import { type Problem, problem } from './problem.ts'
import type { Route } from './route.ts'

/** What becomes of a redirect. */
export type Redirect =
  /** It leads to where no credential may go. */
  | { readonly kind: 'pass'; readonly url: URL }
  /** It stays at the registry, where a client cannot go without the credential. */
  | { readonly kind: 'follow'; readonly path: string }
  | { readonly kind: 'refuse'; readonly problem: Problem }

const REDIRECTS = new Set([301, 302, 303, 307, 308])

/** Whether a status sends the client elsewhere: 304 and 300 do not. */
export function isRedirect(status: number): boolean {
  return REDIRECTS.has(status)
}

/**
 * Decides what becomes of a registry's redirect.
 *
 * Blobs lie in object stores, which take one authentication only, the one signed into the URL; so
 * the credential never leaves the registry's origin. Google's registry redirects within itself.
 */
export function judgeRedirect(route: Route, location: string): Redirect {
  const url = resolveLocation(route, location)
  const origin = new URL(originOf(route.upstream))
  const { name } = route.upstream.host
  if (route.action !== 'pull') {
    return refuse(`${name} redirected a ${route.method}, which is refused`)
  }
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    return refuse(`${name} redirected to what is no url`)
  }
  if (url.origin === origin.origin) return { kind: 'follow', path: `${url.pathname}${url.search}` }
  if (origin.protocol === 'https:' && url.protocol !== 'https:') {
    return refuse(`${name} redirected from https to http, which is refused`)
  }
  return { kind: 'pass', url }
}

function refuse(message: string): Redirect {
  return { kind: 'refuse', problem: problem(502, 'UNKNOWN', message) }
}
