import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createDialer } from '../../src/net/dial.ts'
import { createNet } from '../../src/net/undici.ts'
import { testAuthority } from '../fakes/certificates.ts'
import { listen, stop } from '../fakes/http.ts'
import { ask, errorOf, fakeRegistry, LOGIN, runProxy, upstreamAt } from './harness.ts'
import { BLOB, DIGEST, HOUR_MS, startStored as set } from './stored.ts'

describe('follow', () => {
  test('a hundred reads of a blob ask the registry once', async () => {
    const { read, registry, stored } = await set({ redirects: 'follow' })
    for (let i = 0; i < 100; i++) {
      const answer = await read(`bytes=${i}-${i + 9}`)
      expect(answer.status).toBe(206)
      expect(answer.body.equals(BLOB.subarray(i, i + 10))).toBe(true)
    }
    expect(registry.asked).toHaveLength(1)
    expect(stored).toHaveLength(100)
    expect(stored.some(({ headers }) => headers.authorization !== undefined)).toBe(false)
  })

  test('a hundred at once ask it once too', async () => {
    const { read, registry } = await set({ redirects: 'follow' })
    const answers = await Promise.all(Array.from({ length: 100 }, () => read('bytes=0-9')))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([206]))
    expect(registry.asked).toHaveLength(1)
  })

  test('what a client must know of a blob is there', async () => {
    const { blob, registry } = await set({ redirects: 'follow' })
    const { headers, body } = await ask(blob)
    expect(body.equals(BLOB)).toBe(true)
    expect(headers).toMatchObject({
      'content-length': '200000',
      'content-type': 'application/octet-stream',
      'docker-content-digest': DIGEST,
      'oci-namespace': registry.host,
    })
  })

  test('a URL is asked for anew before it ends', async () => {
    const { read, registry, clock } = await set({ redirects: 'follow' })
    await read('bytes=0-9')
    clock.now += HOUR_MS - 31_000
    await read('bytes=0-9')
    expect(registry.asked).toHaveLength(1)
    clock.now += 2_000
    await read('bytes=0-9')
    expect(registry.asked).toHaveLength(2)
  })

  test('a day of reads, one a minute: none fails, and the registry is asked once an hour', async () => {
    const { read, registry, clock } = await set({
      redirects: 'follow',
      store(req, res) {
        const { searchParams } = new URL(req.url ?? '', 'http://store.test')
        const date = searchParams.get('X-Amz-Date') ?? ''
        const made = Date.parse(date.replace(/(....)(..)(..)T(..)(..)(..)/, '$1-$2-$3T$4:$5:$6'))
        if (clock.now < made + HOUR_MS) return false
        res.writeHead(403).end('<Code>AccessDenied</Code><Message>Request has expired</Message>')
        return true
      },
    })
    for (let minute = 0; minute < 24 * 60; minute++) {
      expect((await read(`bytes=${minute}-${minute + 9}`)).status).toBe(206)
      clock.now += 60_000
    }
    expect(registry.asked.length).toBeLessThanOrEqual(25)
  })

  test('one that is refused before its time is asked for anew, once', async () => {
    const { read, registry, revoke } = await set({ redirects: 'follow' })
    await read('bytes=0-9')
    revoke()
    expect((await read('bytes=0-9')).status).toBe(206)
    expect(registry.asked).toHaveLength(2)
  })

  test('a store that refuses what the registry has just said is at fault', async () => {
    const { read, registry } = await set({
      redirects: 'follow',
      store: (_, res) => {
        res.writeHead(403).end()
        return true
      },
    })
    const answer = await read('bytes=0-9')
    expect(answer.status).toBe(502)
    expect(errorOf(answer).message).toBe(
      `purser: the store of ${registry.host} refused with status 403`,
    )
  })

  test.each([
    { name: 'a range past the end', range: 'bytes=900000-', status: 416 },
    { name: 'the last bytes', range: 'bytes=199990-', status: 206 },
  ])('$name', async ({ range, status }) => {
    const { read } = await set({ redirects: 'follow' })
    expect((await read(range)).status).toBe(status)
  })

  test('several ranges that the store will not send are the client’s to ask for one by one', async () => {
    const { read, registry } = await set({
      redirects: 'follow',
      store(req, res) {
        if (req.headers.range?.includes(',') !== true) return false
        res.writeHead(400).end('<Error/>')
        return true
      },
    })
    await read('bytes=0-9')
    expect((await read('bytes=0-1,5-6')).status).toBe(400)
    expect((await read('bytes=0-9')).status).toBe(206)
    expect(registry.asked).toHaveLength(1)
  })

  test('another identity asks for itself', async () => {
    const { read, registry, logInAs } = await set({ redirects: 'follow' })
    await read('bytes=0-9')
    logInAs({ ...LOGIN, username: 'bob' })
    await read('bytes=0-9')
    expect(registry.asked).toHaveLength(2)
  })

  test('a store that redirects in its turn is followed, and not for ever', async () => {
    const { read } = await set({
      redirects: 'follow',
      store(_, res) {
        res.writeHead(302, { Location: '/blob?round' }).end()
        return true
      },
    })
    const answer = await read('bytes=0-9')
    expect(answer.status).toBe(502)
    expect(errorOf(answer).message).toMatch(/redirects in a loop$/)
  })

  test('a read that breaks off at the store never looks whole', async () => {
    const { blob } = await set({
      redirects: 'follow',
      store(_, res) {
        res.writeHead(200, { 'Content-Length': BLOB.length })
        res.write('half', () => res.destroy())
        return true
      },
    })
    await expect(ask(blob)).rejects.toThrow('aborted')
  })

  test.each([
    ['http://plain.test/blob', 502, ['registry.test', 'store.test']],
    ['http://store.test/blob', 502, ['registry.test', 'store.test']],
    ['ftp://store.test/blob', 502, ['registry.test', 'store.test']],
    ['https://other.test/blob', 200, ['registry.test', 'store.test', 'other.test']],
  ])('from https to %s: %i', async (location, status, expected) => {
    const authority = testAuthority()
    const seen: string[] = []
    const names = ['registry.test', 'store.test', 'other.test'] as const
    const answer: RequestListener = ({ headers: { host = '', authorization } }, res) => {
      seen.push(host)
      expect(authorization !== undefined).toBe(host === 'registry.test')
      const next = { 'registry.test': 'https://store.test/blob', 'store.test': location }[host]
      if (next === undefined) res.writeHead(200, { 'Content-Length': 2 }).end('ok')
      else res.writeHead(307, { Location: next }).end()
    }
    const servers = [
      createTlsServer(authority.certificateFor(...names), answer),
      createServer(answer),
    ]
    const [tls, plain] = await Promise.all(servers.map(listen))
    const net = createNet(
      createDialer({
        ca: [authority.ca],
        connect: new Map([
          ...names.map((name) => [`${name}:443`, `127.0.0.1:${tls}`] as const),
          ...['store.test', 'plain.test'].map(
            (name) => [`${name}:80`, `127.0.0.1:${plain}`] as const,
          ),
        ]),
      }),
    )
    onTestFinished(async () => {
      await net.close()
      await Promise.all(servers.map(stop))
    })
    const own = upstreamAt('registry.test', { tls: true, redirects: 'follow' })
    const { url } = await runProxy([own], { own, net, login: () => LOGIN })
    expect((await ask(`${url}/v2/acme/app/blobs/${DIGEST}`)).status).toBe(status)
    expect(seen).toEqual(expected)
  })

  test('never into this network, unless the operator says so', async () => {
    const net = createNet(createDialer({ ca: [], connect: new Map() }))
    onTestFinished(() => net.close())
    let reached = 0
    const inner = createServer((_, res) => void res.end(String(++reached)))
    await new Promise<void>((resolve) => inner.listen(0, '127.0.0.2', resolve))
    onTestFinished(() => void inner.close())
    const origin = `http://127.0.0.2:${(inner.address() as AddressInfo).port}`
    const registry = await fakeRegistry({
      override(_, res) {
        res.writeHead(307, { Location: `${origin}/latest/meta-data` }).end()
        return true
      },
    })
    for (const storage of [[], [origin]]) {
      const own = upstreamAt(registry.host, { redirects: 'follow', storage })
      const { url } = await runProxy([own], { own, net })
      const answer = await ask(`${url}/v2/acme/app/blobs/${DIGEST}`)
      expect([answer.status, reached]).toEqual(storage.length === 0 ? [502, 0] : [200, 1])
    }
  })
})

describe('pass', () => {
  test('the second read of a blob is answered here', async () => {
    const { blob, registry, origin, stored } = await set({ redirects: 'pass' })
    const [first, second] = [await ask(blob), await ask(blob)]
    expect(first.headers.location).toMatch(`${origin}/blob?serial=1&X-Amz-Date=`)
    expect([second.status, second.headers.location]).toEqual([307, first.headers.location])
    expect(second.headers).toMatchObject({
      'content-length': '0',
      'docker-content-digest': DIGEST,
      'oci-namespace': registry.host,
    })
    expect(registry.asked).toHaveLength(1)
    expect(stored).toEqual([])
  })

  test('for half of its life: who is refused there comes back here', async () => {
    const { blob, registry, clock } = await set({ redirects: 'pass' })
    await ask(blob)
    clock.now += HOUR_MS / 2 - 2_000
    await ask(blob)
    expect(registry.asked).toHaveLength(1)
    clock.now += 4_000
    await ask(blob)
    expect(registry.asked).toHaveLength(2)
  })

  test('and never if it does not tell its end', async () => {
    const { blob, registry } = await set({ redirects: 'pass', query: () => 'verify=1-ab' })
    await ask(blob)
    await ask(blob)
    expect(registry.asked).toHaveLength(2)
  })
})

describe.each(['pass', 'follow'] as const)('HEAD, with %s', (redirects) => {
  test('never goes to a signed URL, and tells size and digest', async () => {
    const { blob, stored } = await set({ redirects, redirectsHead: true })
    const answer = await ask(blob, { method: 'HEAD' })
    expect([answer.status, answer.body.length]).toEqual([200, 0])
    expect(answer.headers).toMatchObject({
      'content-length': '200000',
      'docker-content-digest': DIGEST,
    })
    expect(stored.map(({ method, headers }) => [method, headers.range])).toEqual([
      ['GET', 'bytes=0-0'],
    ])
  })

  test('is told where the registry refuses it, and gives the blob', async () => {
    const { blob, registry } = await set({ redirects, refusesHead: true })
    const answer = await ask(blob, { method: 'HEAD' })
    expect([answer.status, answer.headers['content-length']]).toEqual([200, '200000'])
    expect(registry.asked.map(({ method }) => method)).toEqual(['HEAD', 'GET'])
  })

  test('is the registry’s own where it answers', async () => {
    const { blob, stored } = await set({ redirects })
    const answer = await ask(blob, { method: 'HEAD' })
    expect(answer.headers['content-length']).toBe('200000')
    expect(stored).toEqual([])
  })
})

test('a registry that serves its blobs itself is not waited for', async () => {
  const registry = await fakeRegistry()
  const digest = registry.putBlob('acme/app', BLOB)
  const own = upstreamAt(registry.host, { redirects: 'follow' })
  const { url } = await runProxy([own], { own })
  const blob = `${url}/v2/acme/app/blobs/${digest}`
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(blob)))
  expect(answers.every(({ body }) => body.equals(BLOB))).toBe(true)
  expect(registry.asked).toHaveLength(20)
})
