import type { IncomingHttpHeaders } from 'undici/types/header.js'
import { isDigest } from '../model/grammar.ts'
import { headerOf, headersToClient } from './headers.ts'
import { pushedLocation, rewriteLink, sameLocation, sealLocation } from './location.ts'
import { type Problem, problem } from './problem.ts'
import { isRedirect, judgeRedirect } from './redirect.ts'
import type { Route } from './route.ts'
import type { Seal } from './seal.ts'

/** What becomes of a registry's response, by its status and headers. */
export type Verdict =
  /** The client gets it, with these headers and the body as it comes. */
  | { readonly kind: 'pass'; readonly headers: string[] }
  /** The same, unless the body says that the credential has run out. */
  | { readonly kind: 'suspect'; readonly headers: string[] }
  /** The registry wants the request elsewhere within itself. */
  | { readonly kind: 'moved'; readonly path: string }
  /** What is asked for lies elsewhere, where the credential does not go. */
  | {
      readonly kind: 'elsewhere'
      readonly status: number
      readonly url: URL
      /** What a client that is to go there by itself gets. */
      readonly headers: string[]
      /** By the registry's clock. */
      readonly date: string | undefined
    }
  /** With what it asks for, as WWW-Authenticate says. */
  | { readonly kind: 'unauthorized'; readonly challenges: readonly string[] }
  | { readonly kind: 'problem'; readonly problem: Problem }

/** Judges a response before its body is read. */
export function judge(
  seal: Seal,
  route: Route,
  status: number,
  headers: IncomingHttpHeaders,
): Verdict {
  if (status === 401) {
    return { kind: 'unauthorized', challenges: [headers['www-authenticate'] ?? []].flat() }
  }
  const location = headerOf(headers, 'location')
  if (isRedirect(status)) return judgeMoved(route, status, location, headers)
  const passed = passOn(route, headers)
  // ECR's way to say that its twelve hours are over.
  if (status === 400 || status === 403) return { kind: 'suspect', headers: passed }
  const link = headerOf(headers, 'link')
  const rewritten = link === undefined ? undefined : rewriteLink(route, link)
  if (rewritten !== undefined) passed.push('link', rewritten)
  const place = locationFor(seal, route, status, headers, location)
  if (typeof place === 'object') return { kind: 'problem', problem: place }
  if (place !== undefined) passed.push('location', place)
  return { kind: 'pass', headers: passed }
}

function judgeMoved(
  route: Route,
  status: number,
  location: string | undefined,
  headers: IncomingHttpHeaders,
): Verdict {
  if (location === undefined) {
    const told = `${route.upstream.host.name} redirected to nowhere`
    return { kind: 'problem', problem: problem(502, 'UNKNOWN', told) }
  }
  const redirect = judgeRedirect(route, location)
  switch (redirect.kind) {
    case 'pass': {
      // A redirect's own body is nothing that a client needs, and some wait for its end for ever.
      const passed = passOn(route, without(headers, 'content-length', 'content-type'))
      passed.push('location', redirect.url.href, 'content-length', '0')
      const date = headerOf(headers, 'date')
      return { kind: 'elsewhere', status, url: redirect.url, headers: passed, date }
    }
    case 'follow':
      return { kind: 'moved', path: redirect.path }
    case 'refuse':
      return { kind: 'problem', problem: redirect.problem }
  }
}

/** The Location that a response to a push gets, if it gets one. */
function locationFor(
  seal: Seal,
  route: Route,
  status: number,
  headers: IncomingHttpHeaders,
  location: string | undefined,
): string | Problem | undefined {
  const created = pushedReference(route, status, headers)
  if (created !== undefined) return pushedLocation(route, created)
  const ongoing = route.kind === 'upload' || route.kind === 'uploads'
  // A 416 tells where to go on from.
  if (!ongoing || (status >= 300 && status !== 416)) return undefined
  if (location !== undefined) return sealLocation(seal, route, location)
  // ECR leaves it out at times, and clients give up: https://github.com/containers/buildah/issues/2234
  return route.method === 'PATCH' ? sameLocation(route) : undefined
}

/** What a push has made, where this response is the end of one. */
function pushedReference(
  { method, kind, digest, reference }: Route,
  status: number,
  headers: IncomingHttpHeaders,
): string | undefined {
  // ECR answers 201 to the chunks of an upload as well: PATCH ends nothing.
  if (status !== 201 || method === 'PATCH') return undefined
  if (kind !== 'manifest') return digest
  const told = headerOf(headers, 'docker-content-digest')
  return told !== undefined && isDigest(told) ? told : reference
}

/**
 * The registry's headers, and which registry it was.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#registry-proxying
 */
function passOn({ upstream }: Route, headers: IncomingHttpHeaders): string[] {
  const passed = headersToClient(headers)
  passed.push('oci-namespace', upstream.host.name)
  return passed
}

function without(headers: IncomingHttpHeaders, ...names: readonly string[]): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)))
}
