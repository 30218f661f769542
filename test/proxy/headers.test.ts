import { validateHeaderName, validateHeaderValue } from 'node:http'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { headersToClient, headersToUpstream } from '../../src/proxy/headers.ts'

/** What must not pass, from either side, in whatever case it is written. */
const SECRET = ['Authorization', 'Proxy-Authorization', 'Cookie', 'Set-Cookie', 'X-Api-Key']
/** What belongs to one connection, or says where a body ends (RFC 9110 7.6.1, RFC 9112 6). */
const HOP = [
  ...['Connection', 'Keep-Alive', 'Proxy-Connection', 'TE', 'Trailer', 'Transfer-Encoding'],
  ...['Upgrade', 'Expect', 'Host', 'HTTP2-Settings'],
]
const NETWORK = ['Forwarded', 'X-Forwarded-For', 'X-Forwarded-Host', 'X-Real-IP', 'Via', 'Origin']
const OURS = [
  'WWW-Authenticate',
  'Location',
  'Link',
  'OCI-Namespace',
  'Access-Control-Allow-Origin',
]

const TO_UPSTREAM = ['Accept', 'Range', 'If-Range', 'Content-Type', 'Content-Range', 'User-Agent']
const TO_CLIENT = [
  ...['Content-Length', 'Content-Type', 'Content-Range', 'ETag', 'Retry-After', 'Range'],
  ...['Docker-Content-Digest', 'Docker-Upload-UUID', 'OCI-Subject', 'OCI-Filters-Applied'],
  ...['OCI-Chunk-Min-Length', 'OCI-Tag', 'RateLimit-Remaining', 'RateLimit-Limit', 'Warning'],
]

const anyCase = (names: readonly string[]) =>
  fc
    .tuple(fc.constantFrom(...names), fc.array(fc.boolean(), { minLength: 30, maxLength: 30 }))
    .map(([name, upper]) =>
      [...name].map((c, i) => (upper[i] === true ? c.toUpperCase() : c.toLowerCase())).join(''),
    )
const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,30}$/)
/** As both parsers hand them over: the bytes of a line, each as a character. */
const value = fc.stringMatching(/^[\t\x20-\x7e\x80-\xff]{0,40}$/)

function pairsOf(list: readonly string[]): (readonly [string, string])[] {
  return list.flatMap((name, i) => (i % 2 === 0 ? [[name, list[i + 1] ?? ''] as const] : []))
}

test('of a client’s headers, those pass that are for a registry, in their order', () => {
  const denied = anyCase([...SECRET, ...HOP, ...NETWORK, ...OURS, 'Content-Length', 'Digest'])
  const raw = fc.array(fc.tuple(fc.oneof(anyCase(TO_UPSTREAM), denied, token), value))
  const allowed = new Set(TO_UPSTREAM.map((name) => name.toLowerCase()))
  const refused = new Set(
    [...SECRET, ...HOP, ...NETWORK, ...OURS].map((name) => name.toLowerCase()),
  )
  fc.assert(
    fc.property(raw, (pairs) => {
      const passed = pairsOf(headersToUpstream(pairs.flat()))
      for (const [name] of passed) expect(refused.has(name)).toBe(false)
      expect(passed.filter(([name]) => allowed.has(name))).toEqual(
        pairs
          .map(([name, text]) => [name.toLowerCase(), text])
          .filter(([name = '']) => allowed.has(name)),
      )
      // A second pass takes nothing more away.
      expect(headersToUpstream(passed.flat())).toEqual(passed.flat())
    }),
  )
})

test('of a registry’s headers, those pass that are for a client, as often as they came', () => {
  const lower = (names: readonly string[]) => names.map((name) => name.toLowerCase())
  const names = fc.oneof(
    fc.constantFrom(...lower([...TO_CLIENT, ...SECRET, ...HOP, ...NETWORK, ...OURS])),
    token.map((name) => name.toLowerCase()),
  )
  const headers = fc.dictionary(
    names,
    fc.oneof(value, fc.array(value, { minLength: 2, maxLength: 3 })),
  )
  const allowed = new Set(lower(TO_CLIENT))
  const refused = new Set(lower([...SECRET, ...HOP, ...NETWORK, ...OURS]))
  fc.assert(
    fc.property(headers, (received) => {
      const passed = pairsOf(headersToClient(received))
      for (const [name, text] of passed) {
        expect(refused.has(name)).toBe(false)
        expect(() => {
          validateHeaderName(name)
          validateHeaderValue(name, text)
        }).not.toThrow()
      }
      const wanted = Object.entries(received).filter(([name]) => allowed.has(name))
      expect(passed.filter(([name]) => allowed.has(name))).toEqual(
        wanted.flatMap(([name, texts]) => [texts].flat().map((text) => [name, text])),
      )
    }),
  )
})
