import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { isProblem } from '../../src/proxy/problem.ts'
import { judgeRedirect } from '../../src/proxy/redirect.ts'
import { routeOf } from '../../src/proxy/route.ts'
import { createUpstreamTable } from '../../src/proxy/upstreams.ts'
import { digestOf, type Override } from '../fakes/registry.ts'
import { ask, BASIC, errorOf, fakeRegistry, LOGIN, runProxy, upstreamAt } from './harness.ts'

const BLOB = randomBytes(5_000)
const DIGEST = digestOf(BLOB)

async function set(override?: Override) {
  const options = override === undefined ? { redirects: true } : { override }
  const registry = await fakeRegistry({ auth: BASIC, ...options })
  registry.putBlob('acme/app', BLOB)
  const own = upstreamAt(registry.host)
  const { url } = await runProxy([own], { own, login: () => LOGIN })
  return { registry, blob: `${url}/v2/acme/app/blobs/${DIGEST}` }
}

test('a signed URL goes to the client, without body', async () => {
  const { registry, blob } = await set()
  const answer = await ask(blob)
  expect(answer.status).toBe(307)
  expect(answer.headers).toMatchObject({
    location: `${registry.cdn}/cdn/acme/app/${DIGEST}?X-Signature=s3cret`,
    'content-length': '0',
  })
  expect(registry.cdnAsked).toEqual([])
  const bytes = await ask(String(answer.headers.location), { headers: { Range: 'bytes=1-4' } })
  expect(bytes.body.equals(BLOB.subarray(1, 5))).toBe(true)
})

test('one within the registry is followed, with the credential and the range', async () => {
  const { registry, blob } = await set((req, res) => {
    if (req.url?.startsWith('/v2/') !== true) {
      res.writeHead(206, { 'Content-Range': 'bytes 0-1/5000' }).end(BLOB.subarray(0, 2))
    } else {
      res.writeHead(302, { Location: '/artifacts-downloads/x?y=z' }).end()
    }
    return true
  })
  const answer = await ask(blob, { headers: { Range: 'bytes=0-1' } })
  expect([answer.status, answer.body.length]).toEqual([206, 2])
  expect(registry.asked.map(({ url }) => url)).toEqual([
    `/v2/acme/app/blobs/${DIGEST}`,
    '/artifacts-downloads/x?y=z',
  ])
  expect(registry.asked[1]?.headers).toMatchObject({
    authorization: registry.asked[0]?.headers.authorization,
    range: 'bytes=0-1',
  })
})

test('a loop ends', async () => {
  const { registry, blob } = await set((_, res) => {
    res.writeHead(302, { Location: '/round' }).end()
    return true
  })
  const answer = await ask(blob)
  expect(answer.status).toBe(502)
  expect(errorOf(answer).message).toBe(`purser: ${registry.host} redirects in a loop`)
  expect(registry.asked).toHaveLength(6)
})

test.each([
  { name: 'to no url', location: 'http://[', message: 'redirected to what is no url' },
  { name: 'to a file', location: 'file:///etc/passwd', message: 'redirected to what is no url' },
])('one $name is refused', async ({ location, message }) => {
  const { blob } = await set((_, res) => {
    res.writeHead(302, { Location: location }).end()
    return true
  })
  const answer = await ask(blob)
  expect(answer.status).toBe(502)
  expect(errorOf(answer).message).toContain(message)
})

test.each([
  { name: 'to https', location: 'https://cdn.example/x?y=z', kind: 'pass' },
  { name: 'without scheme', location: '//cdn.example/x', kind: 'pass' },
  { name: 'to another port', location: 'https://ghcr.io:8443/x', kind: 'pass' },
  { name: 'within', location: 'https://ghcr.io:443/x', kind: 'follow' },
  { name: 'to plain http', location: 'http://cdn.example/x', kind: 'refuse' },
  { name: 'to plain http of itself', location: 'http://ghcr.io/x', kind: 'refuse' },
])('of an https registry, one $name: $kind', async ({ location, kind }) => {
  const own = upstreamAt('ghcr.io', { tls: true })
  const table = createUpstreamTable([own])
  const route = await routeOf(table, own, 'GET', `/v2/a/blobs/${DIGEST}`)
  if (isProblem(route)) throw new Error(route.message)
  expect(judgeRedirect(route, location).kind).toBe(kind)
})
