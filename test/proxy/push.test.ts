import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { digestOf } from '../fakes/registry.ts'
import {
  ask,
  BASIC,
  BEARER,
  bearerTokens,
  errorOf,
  fakeRegistry,
  LOGIN,
  runProxy,
  talk,
  upstreamAt,
} from './harness.ts'

const LAYER = randomBytes(300_000)
const DIGEST = digestOf(LAYER)

/** Ways to name the registry, and what the client appends to a URL for each. */
const ROUTES = [
  { name: 'by path', base: '/v2/corp/acme/app', ns: false },
  { name: 'by ns', base: '/v2/acme/app', ns: true },
]

describe.each(ROUTES)('a push $name', ({ base, ns }) => {
  async function set() {
    const registry = await fakeRegistry({ auth: BEARER })
    const { url } = await runProxy([upstreamAt(registry.host, { alias: 'corp' })], {
      login: () => LOGIN,
      tokens: bearerTokens(),
    })
    const query = ns ? `?ns=${registry.host}` : ''
    const start = () => ask(`${url}${base}/blobs/uploads/${query}`, { method: 'POST' })
    return { registry, url, query, start }
  }

  test('in chunks, with a fresh token for the end', async () => {
    const { registry, url, start } = await set()
    let { status, headers } = await start()
    expect(status).toBe(202)
    for (const part of [LAYER.subarray(0, 100_000), LAYER.subarray(100_000)]) {
      expect(headers.location).toMatch(
        new RegExp(`^${base}/blobs/uploads/[A-Za-z0-9_-]+(\\?ns=|$)`),
      )
      const patched = await ask(`${url}${headers.location}`, { method: 'PATCH', body: part })
      status = patched.status
      headers = patched.headers
      expect(status).toBe(202)
    }
    expect(headers.range).toBe('0-299999')
    const joint = headers.location?.includes('?') === true ? '&' : '?'
    const end = `${url}${headers.location}${joint}digest=${encodeURIComponent(DIGEST)}`
    const done = await ask(end, { method: 'PUT' })
    expect(done.status).toBe(201)
    expect(registry.blob('acme/app', DIGEST)?.equals(LAYER)).toBe(true)
    const blob = await ask(`${url}${done.headers.location}`)
    expect(blob.body.equals(LAYER)).toBe(true)
    expect(done.headers.location?.startsWith(`${base}/blobs/${DIGEST}`)).toBe(true)
  })

  test('in one piece, of unknown length', async () => {
    const { registry, url, start } = await set()
    const { headers } = await start()
    const patched = await ask(`${url}${headers.location}`, {
      method: 'PATCH',
      body: Readable.from([LAYER.subarray(0, 9), LAYER.subarray(9)]),
    })
    expect(patched.status).toBe(202)
    expect(registry.asked.at(-1)?.headers['transfer-encoding']).toBe('chunked')
    expect(registry.asked.at(-1)?.headers['content-length']).toBeUndefined()
  })

  test('with the body in the PUT, and the query in another order', async () => {
    const { registry, url, start } = await set()
    const { headers } = await start()
    const [path] = (headers.location ?? '').split('?')
    const query = ns ? `?digest=${DIGEST}&ns=${registry.host}` : `?digest=${DIGEST}`
    const done = await ask(`${url}${path}${query}`, { method: 'PUT', body: LAYER })
    expect(done.status).toBe(201)
    expect(registry.asked.at(-1)?.url).toContain('?_state=a%2Fb%3D&digest=')
    expect(registry.asked.at(-1)?.url).not.toContain('ns=')
    expect(registry.asked.at(-1)?.headers['content-length']).toBe('300000')
  })

  test('in a single POST', async () => {
    const { registry, url, query } = await set()
    const joint = query === '' ? '?' : `${query}&`
    const target = `${url}${base}/blobs/uploads/${joint}digest=${DIGEST}`
    // Nothing has to be authorized twice: the token is there before the body is.
    const done = await ask(target, { method: 'POST', body: LAYER })
    expect(done.status).toBe(201)
    expect(done.headers.location).toBe(`${base}/blobs/${DIGEST}${query.replace(':', '%3A')}`)
    expect(registry.asked).toHaveLength(1)
  })

  test('of a blob that is there already, under the name that the client knows', async () => {
    const { registry, url, query } = await set()
    registry.putBlob('acme/base', LAYER)
    const from = ns ? 'acme/base' : 'corp/acme/base'
    const joint = query === '' ? '?' : `${query}&`
    const target = `${url}${base}/blobs/uploads/${joint}mount=${DIGEST}&from=${from}`
    const done = await ask(target, { method: 'POST' })
    expect(done.status).toBe(201)
    expect(done.headers.location?.startsWith(`${base}/blobs/${DIGEST}`)).toBe(true)
    expect(registry.tokens).toEqual(['repository:acme/app:pull,push repository:acme/base:pull'])
  })

  test('of a manifest', async () => {
    const { registry, url, query } = await set()
    const manifest = Buffer.from('{"schemaVersion":2}')
    const options = { method: 'PUT', body: manifest, headers: { 'Content-Type': 'x/y' } }
    const done = await ask(`${url}${base}/manifests/v1${query}`, options)
    expect(done.status).toBe(201)
    expect(registry.manifest('acme/app', 'v1')?.equals(manifest)).toBe(true)
    expect(registry.asked.at(-1)?.headers['content-type']).toBe('x/y')
    const read = await ask(`${url}${done.headers.location}`)
    expect(read.body.equals(manifest)).toBe(true)
  })

  test('looked at, and given up', async () => {
    const { registry, url, start } = await set()
    const { headers } = await start()
    const seen = await ask(`${url}${headers.location}`)
    expect([seen.status, seen.headers.range]).toEqual([204, '0-0'])
    const ended = await ask(`${url}${headers.location}`, { method: 'DELETE' })
    expect(ended.status).toBe(204)
    expect(registry.tokens.at(-1)).toBe('repository:acme/app:pull,push,delete')
  })
})

describe('what does not go through', () => {
  test('a mount from another registry becomes an upload', async () => {
    const registry = await fakeRegistry()
    const { url } = await runProxy([upstreamAt(registry.host, { alias: 'corp' })])
    const target = `${url}/v2/corp/acme/app/blobs/uploads/?mount=${DIGEST}&from=docker.io/library/x`
    const done = await ask(target, { method: 'POST' })
    expect(done.status).toBe(202)
    expect(registry.asked[0]?.url).toBe('/v2/acme/app/blobs/uploads/')
  })

  test.each([
    { action: 'push', method: 'POST', path: '/blobs/uploads/' },
    { action: 'push', method: 'PUT', path: '/manifests/v1' },
    { action: 'delete', method: 'DELETE', path: '/manifests/v1' },
    { action: 'delete', method: 'DELETE', path: `/blobs/${DIGEST}` },
  ])('$method of $path without leave to $action', async ({ action, method, path }) => {
    const registry = await fakeRegistry()
    const own = upstreamAt(registry.host, { actions: ['pull'] })
    const { url } = await runProxy([own], { own })
    const answer = await ask(`${url}/v2/acme/app${path}`, { method })
    expect(answer.status).toBe(403)
    expect(errorOf(answer)).toEqual({
      code: 'DENIED',
      message: `purser: ${action} is not allowed at ${registry.host}; add "${action}" to actions of its [[upstream]]`,
    })
    expect(registry.asked).toEqual([])
  })

  test('a delete with leave does', async () => {
    const registry = await fakeRegistry({ auth: BEARER })
    registry.putManifest('acme/app', 'v1', Buffer.from('{}'))
    const own = upstreamAt(registry.host)
    const { url } = await runProxy([own], { own, login: () => LOGIN, tokens: bearerTokens() })
    const answer = await ask(`${url}/v2/acme/app/manifests/v1`, { method: 'DELETE' })
    expect(answer.status).toBe(202)
    expect(registry.tokens).toEqual(['repository:acme/app:delete'])
  })

  test('an upload that purser did not open, or opened for another repository', async () => {
    const registry = await fakeRegistry()
    const own = upstreamAt(registry.host)
    const { url } = await runProxy([own], { own })
    const { headers } = await ask(`${url}/v2/acme/app/blobs/uploads/`, { method: 'POST' })
    const sealed = headers.location?.split('/').at(-1)
    for (const path of ['/v2/acme/app/blobs/uploads/1234', `/v2/acme/b/blobs/uploads/${sealed}`]) {
      const answer = await ask(`${url}${path}`, { method: 'PATCH', body: LAYER })
      expect([answer.status, errorOf(answer).code]).toEqual([404, 'BLOB_UPLOAD_UNKNOWN'])
    }
    expect(registry.asked).toHaveLength(1)
  })

  test('an upload that the registry sends elsewhere', async () => {
    const registry = await fakeRegistry({
      override(_, res) {
        res.writeHead(202, { Location: 'https://evil.example/v2/acme/app/blobs/uploads/1' }).end()
        return true
      },
    })
    const own = upstreamAt(registry.host)
    const { url } = await runProxy([own], { own })
    const answer = await ask(`${url}/v2/acme/app/blobs/uploads/`, { method: 'POST' })
    expect(answer.status).toBe(502)
    expect(errorOf(answer).message).toContain('another origin')
  })
})

describe('a body', () => {
  test('is asked for only once it is wanted', async () => {
    const registry = await fakeRegistry()
    const own = upstreamAt(registry.host)
    const { url, port } = await runProxy([own], { own })
    const { headers } = await ask(`${url}/v2/acme/app/blobs/uploads/`, { method: 'POST' })
    const head = (path: string) =>
      `PATCH ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n`
    const wanted = await talk(port, `${head(headers.location ?? '')}abc`)
    expect(wanted).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 202 /)
    const unwanted = await talk(port, head('/v2/acme/app/blobs/uploads/none'))
    expect(unwanted).toMatch(/^HTTP\/1.1 404 /)
  })

  test('does not keep the client from hearing that it was refused', async () => {
    const registry = await fakeRegistry({
      override(req, res) {
        if (req.method !== 'PATCH') return false
        res.writeHead(401).end()
        return true
      },
    })
    const own = upstreamAt(registry.host)
    const { url } = await runProxy([own], { own, login: () => LOGIN })
    const { headers } = await ask(`${url}/v2/acme/app/blobs/uploads/`, { method: 'POST' })
    const body = randomBytes(8 * 1024 * 1024)
    const answer = await ask(`${url}${headers.location}`, { method: 'PATCH', body })
    expect([answer.status, errorOf(answer).code]).toEqual([401, 'UNAUTHORIZED'])
  })

  test('goes with Basic as well', async () => {
    const registry = await fakeRegistry({ auth: BASIC })
    const own = upstreamAt(registry.host)
    const { url } = await runProxy([own], { own, login: () => LOGIN })
    const target = `${url}/v2/acme/app/blobs/uploads/?digest=${DIGEST}`
    expect((await ask(target, { method: 'POST', body: LAYER })).status).toBe(201)
    expect(registry.asked).toHaveLength(1)
  })
})
