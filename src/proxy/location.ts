import { quote } from '../model/host.ts'
import { originOf } from '../token/upstream.ts'
import { type Problem, problem } from './problem.ts'
import type { Route } from './route.ts'
import type { Seal } from './seal.ts'

/**
 * Sealed, a third longer; with the repository and a digest it still fits the 16 KiB that a request's
 * URL may have.
 */
const MAX_PATH_LENGTH = 10 * 1024

/**
 * The registry's own upload URL, as one that leads back here.
 *
 * It may be relative or absolute, lie outside `/v2/`, and carry state in its query that must come
 * back byte for byte, while clients sort and re-escape the queries that they send. So the client
 * gets it sealed in one component of a path: it can neither harm it nor choose another.
 *
 * @returns a problem if it leaves the registry's origin: the upload's bytes would follow, and so
 * would the credential (GHSA-jxpm-75mh-9fp7)
 */
export function sealLocation(seal: Seal, route: Route, location: string): string | Problem {
  const url = resolveLocation(route, location)
  if (url === undefined || url.origin !== new URL(originOf(route.upstream)).origin) {
    return elsewhere(route, url)
  }
  const path = writtenPath(location) ?? `${url.pathname}${url.search}`
  if (path.length > MAX_PATH_LENGTH) {
    const told = `${route.upstream.host.name} sent the upload to a url that is too long`
    return problem(502, 'BLOB_UPLOAD_INVALID', told)
  }
  return uploadAt(route, seal.close(path, ownerOf(route)))
}

function elsewhere({ upstream }: Route, url: URL | undefined): Problem {
  const told = `${upstream.host.name} sent the upload to another origin, which is refused`
  if (url === undefined || url.origin === 'null') return problem(502, 'BLOB_UPLOAD_INVALID', told)
  // What is in front of it has taken the TLS off, and does not say so.
  const isDowngrade = upstream.tls && url.protocol === 'http:'
  const advice = isDowngrade ? '; it may not know that it is reached by https' : ''
  return problem(502, 'BLOB_UPLOAD_INVALID', `${told}: ${quote(url.origin)}${advice}`)
}

/** Where an upload goes on whose registry does not say so: where it was. */
export function sameLocation(route: Route): string {
  return uploadAt(route, route.reference)
}

function uploadAt(route: Route, sealed: string): string {
  return withNamespace(route, `${route.base}/blobs/uploads/${sealed}`)
}

/**
 * Path and query as the registry wrote them, byte for byte: a parser escapes some of what it finds, and
 * a signature over it would be broken.
 *
 * @returns `undefined` if they are relative to something, or have what no request can carry
 */
function writtenPath(location: string): string | undefined {
  const [, absolute, relative] =
    /^(?:https?:\/\/[^/?#\\]+(\/[\x21-\x7e]*)|(\/(?!\/)[\x21-\x7e]*))$/i.exec(location) ?? []
  const path = absolute ?? relative
  return path === undefined || /[#\\]/.test(path) ? undefined : path
}

/** The path and query of the registry's upload URL, with what the client adds to it. */
export function openLocation(seal: Seal, route: Route): string | Problem {
  const path = seal.open(route.reference, ownerOf(route))
  if (path === undefined) {
    return problem(404, 'BLOB_UPLOAD_UNKNOWN', 'no such upload, or purser was started anew since')
  }
  if (route.path === '') return path
  return `${path}${path.includes('?') ? '&' : '?'}${route.path}`
}

/** Where the client finds what it has just pushed. */
export function pushedLocation(route: Route, reference: string): string {
  const kind = route.kind === 'manifest' ? 'manifests' : 'blobs'
  return withNamespace(route, `${route.base}/${kind}/${reference}`)
}

/** A URL of the registry's, against the one that was asked; `undefined` if it is none. */
export function resolveLocation(route: Route, location: string): URL | undefined {
  const asked = route.kind === 'upload' ? `/v2/${route.repository}/blobs/uploads/` : route.path
  return URL.parse(location, `${originOf(route.upstream)}${asked}`) ?? undefined
}

/**
 * The `Link` to the next page, leading back here; `undefined` if it leads anywhere else.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-tags
 */
export function rewriteLink(route: Route, link: string): string | undefined {
  const found = /^\s*<([^<>]*)>(.*)$/.exec(link)
  const url = found === null ? undefined : resolveLocation(route, found[1] ?? '')
  const under = `/v2/${route.repository}/`
  if (url?.origin !== new URL(originOf(route.upstream)).origin || !url.pathname.startsWith(under)) {
    return undefined
  }
  const path = `${route.base}/${url.pathname.slice(under.length)}${url.search}`
  return `<${withNamespace(route, path)}>${found?.[2] ?? ''}`
}

/** The upload of one repository opens for no other, where another credential might hold. */
function ownerOf({ upstream, repository }: Route): string {
  return `${upstream.host.name}/${repository}`
}

function withNamespace({ ns }: Route, path: string): string {
  if (ns === undefined) return path
  return `${path}${path.includes('?') ? '&' : '?'}ns=${encodeURIComponent(ns)}`
}
