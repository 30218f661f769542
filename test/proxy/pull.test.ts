import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { createRateLimits } from '../../src/observe/rate-limits.ts'
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
  upstreamAt,
} from './harness.ts'

const BLOB = randomBytes(200_000)

describe('how a registry is named', () => {
  test('by the first component of the path', async () => {
    const registry = await fakeRegistry({ auth: BASIC })
    const digest = registry.putBlob('acme/app', BLOB)
    const { url } = await runProxy([upstreamAt(registry.host)], { login: () => LOGIN })
    const name = registry.host.replace(':', '_')
    const answer = await ask(`${url}/v2/${name}/acme/app/blobs/${digest}`)
    expect(answer.status).toBe(200)
    expect(answer.body.equals(BLOB)).toBe(true)
    expect(registry.asked.map((asked) => asked.url)).toEqual([`/v2/acme/app/blobs/${digest}`])
  })

  test('by alias', async () => {
    const registry = await fakeRegistry()
    const digest = registry.putManifest('acme/app', 'v1', Buffer.from('{}'))
    const { url } = await runProxy([upstreamAt(registry.host, { alias: 'corp' })])
    const answer = await ask(`${url}/v2/corp/acme/app/manifests/v1`)
    expect(answer.status).toBe(200)
    expect(answer.headers['docker-content-digest']).toBe(digest)
    expect(answer.headers['oci-namespace']).toBe(registry.host)
  })

  test('by ns, which the answer repeats', async () => {
    const registry = await fakeRegistry()
    registry.putManifest('acme/app', 'v1', Buffer.from('{}'))
    const { url } = await runProxy([upstreamAt(registry.host)])
    const answer = await ask(`${url}/v2/acme/app/manifests/v1?ns=${registry.host}`)
    expect(answer.status).toBe(200)
    expect(answer.headers['oci-namespace']).toBe(registry.host)
    expect(registry.asked[0]?.url).toBe('/v2/acme/app/manifests/v1')
  })

  test('by a port of its own', async () => {
    const registry = await fakeRegistry()
    registry.putManifest('acme/app', 'v1', Buffer.from('{}'))
    const own = upstreamAt(registry.host)
    const { url } = await runProxy([own], { own })
    expect((await ask(`${url}/v2/acme/app/manifests/v1`)).status).toBe(200)
  })

  test('an unknown one is never dialled', async () => {
    const registry = await fakeRegistry()
    const { url, resolved } = await runProxy([upstreamAt('ghcr.io')], { login: () => LOGIN })
    const name = registry.host.replace(':', '_')
    const byPath = await ask(`${url}/v2/${name}/acme/app/manifests/v1`)
    const byNs = await ask(`${url}/v2/acme/app/manifests/v1?ns=${registry.host}`)
    expect([byPath.status, byNs.status]).toEqual([404, 404])
    expect(errorOf(byPath)).toMatchObject({
      code: 'NAME_UNKNOWN',
      message: expect.stringContaining('is not an upstream'),
    })
    expect([registry.asked, resolved]).toEqual([[], []])
  })
})

describe('what comes back', () => {
  const ranges = [
    { name: 'a range', range: 'bytes=10-4105', status: 206, part: BLOB.subarray(10, 4106) },
    { name: 'an open range', range: 'bytes=199990-', status: 206, part: BLOB.subarray(199_990) },
    { name: 'a range past the end', range: 'bytes=200000-', status: 416, part: Buffer.alloc(0) },
  ]
  test.each(ranges)('$name', async ({ range, status, part }) => {
    const registry = await fakeRegistry()
    const digest = registry.putBlob('acme/app', BLOB)
    const own = upstreamAt(registry.host)
    const { url } = await runProxy([own], { own })
    const answer = await ask(`${url}/v2/acme/app/blobs/${digest}`, { headers: { Range: range } })
    expect(answer.status).toBe(status)
    expect(answer.body.equals(part)).toBe(true)
    expect(answer.headers['content-range']).toBeDefined()
  })

  test('HEAD tells length and digest', async () => {
    const registry = await fakeRegistry()
    const digest = registry.putBlob('acme/app', BLOB)
    const own = upstreamAt(registry.host)
    const { url } = await runProxy([own], { own })
    const answer = await ask(`${url}/v2/acme/app/blobs/${digest}`, { method: 'HEAD' })
    expect(answer.headers).toMatchObject({
      'content-length': '200000',
      'docker-content-digest': digest,
    })
    expect(answer.body.length).toBe(0)
  })

  test('encoded bytes as they are, and no encoding that was not asked for', async () => {
    const packed = gzipSync(BLOB)
    const registry = await fakeRegistry({
      override(_, res) {
        res.writeHead(200, { 'Content-Encoding': 'gzip', 'Content-Length': packed.length })
        res.end(packed)
        return true
      },
    })
    const own = upstreamAt(registry.host)
    const { url } = await runProxy([own], { own })
    const answer = await ask(`${url}/v2/acme/app/blobs/${digestOf(packed)}`)
    expect(answer.headers['content-encoding']).toBe('gzip')
    expect(digestOf(answer.body)).toBe(digestOf(packed))
    expect(registry.asked[0]?.headers['accept-encoding']).toBeUndefined()
  })

  test('the next page of tags, under the name that the client knows', async () => {
    const registry = await fakeRegistry()
    for (const tag of ['a', 'b', 'c']) registry.putManifest('acme/app', tag, Buffer.from('{}'))
    const { url } = await runProxy([upstreamAt(registry.host, { alias: 'corp' })])
    const first = await ask(`${url}/v2/corp/acme/app/tags/list?n=2`)
    expect(first.headers['link']).toBe('</v2/corp/acme/app/tags/list?last=b&n=2>; rel="next"')
    const byNs = await ask(`${url}/v2/acme/app/tags/list?n=2&ns=${registry.host}`)
    const next = /<([^>]+)>/.exec(String(byNs.headers['link']))?.[1]
    const second = await ask(`${url}${next}`)
    expect(JSON.parse(second.body.toString())).toEqual({ name: 'acme/app', tags: ['c'] })
  })

  test("a registry's own refusal, word for word", async () => {
    const registry = await fakeRegistry()
    const own = upstreamAt(registry.host)
    const { url } = await runProxy([own], { own })
    const answer = await ask(`${url}/v2/acme/app/manifests/none`)
    expect([answer.status, errorOf(answer).code]).toEqual([404, 'MANIFEST_UNKNOWN'])
  })
})

describe('with whose credential', () => {
  test("never the client's own", async () => {
    const registry = await fakeRegistry()
    const own = upstreamAt(registry.host)
    const { url } = await runProxy([own], { own })
    const headers = {
      Authorization: 'Basic dGhlaXI6b3du',
      Cookie: 'a=b',
      Forwarded: 'for=10.0.0.1',
      'X-Forwarded-For': '10.0.0.1',
      'Proxy-Authorization': 'Basic eA==',
      Accept: 'application/json',
    }
    await ask(`${url}/v2/acme/app/manifests/v1`, { headers })
    expect(Object.keys(registry.asked[0]?.headers ?? {}).sort()).toEqual([
      'accept',
      'connection',
      'host',
    ])
  })

  test('a repeated question is asked once', async () => {
    const registry = await fakeRegistry({ auth: BEARER })
    const digest = registry.putBlob('acme/app', BLOB)
    const own = upstreamAt(registry.host)
    const options = { own, login: () => LOGIN, tokens: bearerTokens(), now: () => 1 }
    const { url, resolved } = await runProxy([own], options)
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => ask(`${url}/v2/acme/app/blobs/${digest}`)),
    )
    expect(answers.map((answer) => answer.status)).toEqual(Array(20).fill(200))
    expect(registry.tokens).toEqual(['repository:acme/app:pull'])
    expect(resolved).toEqual([
      { workspace: 'default', host: own.host, repository: 'acme/app', action: 'pull' },
    ])
  })

  test('a token that ended early is replaced, once', async () => {
    const registry = await fakeRegistry({ auth: BEARER })
    const digest = registry.putBlob('acme/app', BLOB)
    const own = upstreamAt(registry.host)
    const { url } = await runProxy([own], { own, login: () => LOGIN, tokens: bearerTokens() })
    const blob = `${url}/v2/acme/app/blobs/${digest}`
    expect((await ask(blob)).status).toBe(200)
    registry.revokeTokens()
    expect((await ask(blob)).status).toBe(200)
    expect(registry.tokens).toHaveLength(2)
    expect(registry.asked).toHaveLength(3)
  })

  test('a refused login is not tried twice', async () => {
    const registry = await fakeRegistry({ auth: { ...BASIC, password: 'changed' } })
    const own = upstreamAt(registry.host)
    const { url } = await runProxy([own], { own, login: () => LOGIN })
    const answer = await ask(`${url}/v2/acme/app/manifests/v1`)
    expect(answer.status).toBe(401)
    expect(answer.headers['www-authenticate']).toBeUndefined()
    expect(errorOf(answer)).toEqual({
      code: 'UNAUTHORIZED',
      message:
        `purser: ${registry.host} refused entry ${registry.host} for pull of acme/app, status 401; ` +
        `if it is not the right one, run: purser login ${registry.host}`,
    })
    expect(registry.asked).toHaveLength(1)
  })

  test('without any, the client is told how to get one', async () => {
    const registry = await fakeRegistry({ auth: BEARER })
    const own = upstreamAt(registry.host)
    const { url } = await runProxy([own], { own })
    const answer = await ask(`${url}/v2/acme/app/manifests/v1`)
    expect(answer.status).toBe(401)
    expect(answer.headers['www-authenticate']).toBeUndefined()
    expect(errorOf(answer).message).toBe(
      `purser: no credential for ${registry.host} in workspace default; run: purser login ${registry.host}`,
    )
  })

  const expired = 'Your Authorization Token has expired. Please run aws ecr get-login-password'
  test.each([403, 400])('a %i that speaks of expiry is a 401', async (status) => {
    let password = 'old'
    const registry = await fakeRegistry({
      override(req, res) {
        if (req.headers.authorization?.endsWith(Buffer.from('AWS:new').toString('base64')))
          return false
        res.writeHead(status).end(expired)
        return true
      },
    })
    registry.putManifest('acme/app', 'v1', Buffer.from('{}'))
    const own = upstreamAt(registry.host)
    const tokens = {
      async authorizationFor() {
        const { Secret } = await import('../../src/model/secret.ts')
        return new Secret(`Basic ${Buffer.from(`AWS:${password}`).toString('base64')}`)
      },
      refused: () => {
        password = 'new'
      },
    }
    const { url } = await runProxy([own], { own, login: () => LOGIN, tokens })
    expect((await ask(`${url}/v2/acme/app/manifests/v1`)).status).toBe(200)
    expect(registry.asked).toHaveLength(2)
  })

  test('a 403 that does not is handed on, whole', async () => {
    const body = 'x'.repeat(100_000)
    const registry = await fakeRegistry({
      override(_, res) {
        res.writeHead(403, { 'Content-Type': 'text/plain' }).end(body)
        return true
      },
    })
    const own = upstreamAt(registry.host)
    const { url } = await runProxy([own], { own, login: () => LOGIN })
    const answer = await ask(`${url}/v2/acme/app/manifests/v1`)
    expect([answer.status, answer.body.toString()]).toEqual([403, body])
  })
})

test('what a registry tells of its limits is kept, and told to the client', async () => {
  const told = {
    'ratelimit-limit': '100;w=21600',
    'ratelimit-remaining': '0;w=21600',
    'docker-ratelimit-source': '192.0.2.7',
    'retry-after': '60',
  }
  const registry = await fakeRegistry({
    override(_, res) {
      res.writeHead(429, told).end()
      return true
    },
  })
  const rateLimits = createRateLimits({ now: Date.now })
  const own = upstreamAt(registry.host)
  const { url } = await runProxy([own], { own, rateLimits })
  const answer = await ask(`${url}/v2/acme/app/manifests/1`)
  expect(answer.status).toBe(429)
  expect(answer.headers).toMatchObject(told)
  expect(rateLimits.list()).toMatchObject([
    { host: registry.host, limit: 100, remaining: 0, source: '192.0.2.7' },
  ])
})
