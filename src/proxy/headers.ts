import type { IncomingHttpHeaders } from 'undici/types/header.js'

/**
 * What of a client's request the registry gets to see. Not there, and on purpose: the client's own
 * Authorization and cookies, which were not meant for this registry; Forwarded and its kin, which
 * would tell it about this network; and what belongs to one connection alone (RFC 9110 7.6.1).
 *
 * A trace's context goes on, so that a registry of one's own is part of it; `baggage` does not: it holds
 * whatever an application has put there, and few registries are one's own.
 *
 * Accept-Encoding goes as it came: a blob that is inflated or packed on the way has another digest.
 * Content-Length goes with the body, if there is one.
 */
const TO_UPSTREAM = new Set([
  'accept',
  'accept-encoding',
  'cache-control',
  'content-encoding',
  'content-range',
  'content-type',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'pragma',
  'range',
  'traceparent',
  'tracestate',
  'user-agent',
])

/**
 * What of a registry's response the client gets to see. Location and Link are rewritten elsewhere;
 * a WWW-Authenticate is ours to answer, and must not send the client to a realm of the registry's.
 */
const TO_CLIENT = new Set([
  'accept-ranges',
  'age',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'date',
  'etag',
  'expires',
  'last-modified',
  'range',
  'retry-after',
  'vary',
  'warning',
])

/**
 * `Docker-Content-Digest`, `OCI-Subject`, `RateLimit-Remaining` and their kind; which registry the
 * answer is from, we say ourselves.
 */
const TO_CLIENT_PREFIX = /^(?:docker|oci(?!-namespace$)|x-ratelimit|ratelimit)-/

/** The client's headers that go on, as the flat list that undici takes. */
export function headersToUpstream(rawHeaders: readonly string[]): string[] {
  const headers: string[] = []
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? '').toLowerCase()
    if (TO_UPSTREAM.has(name)) headers.push(name, rawHeaders[i + 1] ?? '')
  }
  return headers
}

/**
 * What goes to a store that a registry has sent us to: the trace is the operator's and the registry's
 * business, and a signed URL leads to somebody else.
 */
export function headersToStore(headers: readonly string[]): string[] {
  if (!headers.includes('traceparent') && !headers.includes('tracestate')) return [...headers]
  return headers.filter((_, i) => !TRACE.has(headers[i - (i % 2)] ?? ''))
}

const TRACE = new Set(['traceparent', 'tracestate'])

/** The registry's headers that go on, as the flat list that node takes. */
export function headersToClient(headers: IncomingHttpHeaders): string[] {
  const passed: string[] = []
  for (const name in headers) {
    const value = headers[name]
    if (value === undefined || !(TO_CLIENT.has(name) || TO_CLIENT_PREFIX.test(name))) continue
    if (typeof value === 'string') passed.push(name, value)
    else for (const each of value) passed.push(name, each)
  }
  return passed
}

/** The value of a header that makes sense but once; the first, should there be more. */
export function headerOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name]
  return typeof value === 'string' || value === undefined ? value : value[0]
}
