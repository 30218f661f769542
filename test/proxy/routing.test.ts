import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isRepository } from '../../src/model/grammar.ts'
import { pushedLocation } from '../../src/proxy/location.ts'
import { isProblem } from '../../src/proxy/problem.ts'
import { type Route, routeOf } from '../../src/proxy/route.ts'
import { createUpstreamTable } from '../../src/proxy/upstreams.ts'
import { upstreamAt } from './harness.ts'

const HUB = upstreamAt('docker.io', { tls: true })
const CORP = upstreamAt('registry.corp.example:5000', { tls: true, alias: 'corp' })
const TABLE = createUpstreamTable([HUB, CORP])
const DIGEST = `sha256:${'a'.repeat(64)}`

const part = fc.stringMatching(/^[a-z0-9]{1,6}(?:(?:\.|_|__|-{1,3})[a-z0-9]{1,6}){0,2}$/)
/** Of two parts at least: one alone is the library's at Docker Hub. */
const name = fc
  .array(fc.oneof(part, fc.constantFrom('blobs', 'manifests', 'tags', 'uploads', 'v2')), {
    minLength: 2,
    maxLength: 4,
  })
  .map((parts) => parts.join('/'))
const tag = fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,20}$/)
const digest = fc.stringMatching(/^[a-z0-9]{1,6}(?:[+._-][a-z0-9]{1,4})?:[a-zA-Z0-9=_-]{1,40}$/)

/** What clients ask of a repository: method, what comes after its name, and what the registry gets. */
const question = fc.oneof(
  fc
    .tuple(fc.constantFrom('GET', 'HEAD', 'PUT', 'DELETE'), fc.oneof(tag, digest))
    .map(([method, reference]) => ({ method, rest: `manifests/${reference}` })),
  fc
    .tuple(fc.constantFrom('GET', 'HEAD', 'DELETE'), digest)
    .map(([method, reference]) => ({ method, rest: `blobs/${reference}` })),
  digest.map((reference) => ({ method: 'GET', rest: `referrers/${reference}` })),
  fc.constant({ method: 'GET', rest: 'tags/list' }),
  fc.constant({ method: 'POST', rest: 'blobs/uploads/' }),
)

/** The ways to name a registry. */
const WAYS = [
  { way: 'by host', prefix: 'registry.corp.example_5000/', query: '', own: undefined },
  { way: 'by alias', prefix: 'corp/', query: '', own: undefined },
  { way: 'by ns', prefix: '', query: '?ns=registry.corp.example:5000', own: undefined },
  { way: 'by escaped ns', prefix: '', query: '?ns=registry.corp.example%3A5000', own: undefined },
  { way: 'by port', prefix: '', query: '', own: CORP },
]

async function found(own: typeof HUB | undefined, method: string, url: string): Promise<Route> {
  const route = await routeOf(TABLE, own, method, url)
  if (isProblem(route)) throw new Error(`${method} ${url}: ${route.message}`)
  return route
}

test.each(WAYS)('what is asked $way arrives as it left, and leads back', async (each) => {
  const { prefix, query, own } = each
  await fc.assert(
    fc.asyncProperty(name, question, async (repository, { method, rest }) => {
      const route = await found(own, method, `/v2/${prefix}${repository}/${rest}${query}`)
      expect([route.upstream, route.repository]).toEqual([CORP, repository])
      expect(route.path).toBe(`/v2/${repository}/${rest}`)
      expect(route.scopes.map((scope) => scope.split(':')[1])).toEqual([repository])
      // Where the client is told that its push lies, it finds the same repository.
      const back = await found(own, 'GET', pushedLocation(route, DIGEST))
      expect([back.upstream, back.repository]).toEqual([CORP, repository])
      expect(back.path).toMatch(new RegExp(`^/v2/${repository}/(blobs|manifests)/${DIGEST}$`))
    }),
  )
})

test('whatever is sent, only a path of the registry API goes out, and no throw', async () => {
  const methods = fc.constantFrom('GET', 'PUT', 'POST', 'PATCH', 'DELETE', 'HEAD', 'X')
  const words = fc.constantFrom(
    ...['v2', 'corp', 'docker.io', 'a', '..', '.', '%2e%2e', '%2F', '', 'blobs', 'uploads', 'tags'],
    ...['list', 'manifests', 'referrers', DIGEST, DIGEST.replace(':', '%3a'), 'http:', '@', '#'],
    ...[
      '?ns=',
      '&ns=docker.io',
      '?mount=',
      `?digest=${DIGEST}`,
      '&from=corp/a',
      '&from=..',
      '?tag=',
    ],
    ...['\n', ' ', '\\', '\0', 'é', '%00', '%'],
  )
  const urls = fc
    .array(fc.oneof(words, words, fc.string()), { maxLength: 9 })
    .chain((all) => fc.constantFrom('/', '').map((joint) => `/v2/corp/${all.join(joint)}`))
  const anything = fc.oneof(urls, fc.string(), fc.string({ unit: 'binary' }))
  const owns = fc.constantFrom(undefined, HUB, CORP)
  await fc.assert(
    fc.asyncProperty(owns, methods, anything, async (own, method, url) => {
      const route = await routeOf(TABLE, own, method, url)
      if (isProblem(route)) return
      expect([HUB, CORP]).toContain(route.upstream)
      expect(isRepository(route.repository)).toBe(true)
      for (const scope of route.scopes) {
        expect([route.repository, route.from]).toContain(scope.split(':')[1])
      }
      if (route.kind === 'upload') {
        expect(route.path).toMatch(/^(?:digest=[a-zA-Z0-9%+._=-]+)?$/)
        return
      }
      const below = `/v2/${route.repository}/`
      expect(route.path.slice(0, below.length)).toBe(below)
      expect(route.path.slice(below.length)).toMatch(
        /^(?:blobs\/uploads\/|tags\/list|(?:blobs|manifests|referrers)\/[A-Za-z0-9+._:=-]+)(?:\?[\x21-\x22\x24-\x7e]+)?$/,
      )
    }),
    { numRuns: 2_000 },
  )
})
