import { describe, expect, test } from 'vitest'
import { BLOB, DIGEST, HOUR_MS, startStored } from '../proxy/stored.ts'
import { ping, readParts, readWhole } from './clip.ts'
import { openBlob } from './nydusd.ts'
import { fetchLayer } from './soci.ts'
import { CHUNK_BYTES, mount } from './stargz.ts'
import { sendHuge, sendRanges } from './store.ts'
import { sayHello } from './wire.ts'

const PATH = `/v2/acme/app/blobs/${DIGEST}`
const MODES = ['pass', 'follow'] as const

/** What a client has to read by: the upstream's own port, and one for all of them. */
async function start(redirects: 'pass' | 'follow', store = sendRanges(BLOB)) {
  const stored = await startStored({ redirects, store })
  const shared = await stored.proxy.listen({ address: '127.0.0.1', port: 0 })
  if ('path' in shared) throw new Error('a port, not a socket')
  const registry = stored.registry.host
  const blobs = () => stored.registry.asked.filter(({ method }) => method === 'GET').length
  return {
    ...stored,
    registryHost: registry,
    /** How often the registry was asked for the blob itself. */
    asked: blobs,
    own: { port: stored.port, host: `127.0.0.1:${stored.port}`, path: PATH },
    byNs: { port: shared.port, host: `127.0.0.1:${shared.port}`, path: `${PATH}?ns=${registry}` },
    shared: `127.0.0.1:${shared.port}`,
    sharedPort: shared.port,
    inPath: registry.replace(':', '_'),
  }
}

type Started = Awaited<ReturnType<typeof start>>

/** Each reads the whole blob as it would, and compares. */
const READERS: Readonly<Record<string, (from: Started) => Promise<void>>> = {
  async 'CLIP, a layer at a time'({ own }) {
    expect((await ping(own)).status).toBe(200)
    expect((await readWhole(own)).body.equals(BLOB)).toBe(true)
  },
  async 'stargz, by port'({ own }) {
    await readByStargz(own)
  },
  async 'stargz, by ns'({ byNs }) {
    await readByStargz(byNs)
  },
  async SOCI({ own }) {
    const layer = await fetchLayer(own)
    expect(layer.size).toBe(BLOB.length)
    for (const [first, last] of [
      [131_072, 199_999],
      [0, 65_535],
    ] as const) {
      const span = await layer.readSpan(first, last)
      expect(span.equals(BLOB.subarray(first, last + 1))).toBe(true)
    }
    expect(await layer.check()).toBe(true)
  },
  async 'nydusd, by host and repo'({ shared, inPath }) {
    await readByNydusd({ blob: `http://${shared}/v2/${inPath}/acme/app/blobs/${DIGEST}` })
  },
  async 'nydusd, by proxy with use_http'({ registryHost, sharedPort }) {
    await readByNydusd({ blob: `https://${registryHost}${PATH}`, proxyPort: sharedPort })
  },
}

async function readByStargz(place: Started['own']): Promise<void> {
  const layer = await mount(place)
  expect(layer.size).toBe(BLOB.length)
  const one = await layer.read([1])
  expect(one.get(CHUNK_BYTES)?.equals(BLOB.subarray(CHUNK_BYTES, 2 * CHUNK_BYTES))).toBe(true)
  const several = await layer.read([0, 2, 3])
  expect([...several.keys()]).toEqual([0, 2 * CHUNK_BYTES])
  expect(several.get(0)?.equals(BLOB.subarray(0, CHUNK_BYTES))).toBe(true)
  expect(several.get(2 * CHUNK_BYTES)?.equals(BLOB.subarray(2 * CHUNK_BYTES))).toBe(true)
  expect(await layer.check()).toBe(true)
}

async function readByNydusd(access: Parameters<typeof openBlob>[0]): Promise<void> {
  const blob = openBlob(access)
  expect(await blob.size()).toBe(BLOB.length)
  const half = BLOB.length / 2
  expect((await blob.read(half, half)).equals(BLOB.subarray(half))).toBe(true)
  expect((await blob.read(0, half)).equals(BLOB.subarray(0, half))).toBe(true)
}

describe.each(MODES)('with redirects = "%s"', (redirects) => {
  test.each(Object.entries(READERS))('%s', async (_, read) => {
    const started = await start(redirects)
    await read(started)
    // Cold, the registry says once where the blob lies; then it is known.
    expect(started.asked()).toBe(1)
    await read(started)
    expect(started.asked()).toBe(1)
    const { stored } = started
    expect(stored.every(({ headers }) => headers.authorization === undefined)).toBe(true)
  })

  test.each(Object.entries(READERS))('%s, when the signed URL has ended', async (_, read) => {
    const started = await start(redirects)
    await read(started)
    started.clock.now += HOUR_MS
    started.revoke()
    await read(started)
    expect(started.asked()).toBe(2)
  })

  test('stargz, at a store that refuses several ranges', async () => {
    const { own } = await start(redirects, (req, res) => {
      if (!req.headers.range?.includes(',')) return false
      res.writeHead(400, { 'Content-Length': 0 }).end()
      return true
    })
    const layer = await mount(own)
    const read = await layer.read([0, 2])
    expect(read.get(0)?.equals(BLOB.subarray(0, 3 * CHUNK_BYTES))).toBe(true)
  })

  test('CLIP, a layer in parts of 256 MiB', async () => {
    const started = await start(redirects, sendHuge)
    let size = 0
    await readParts(started.own, sendHuge.size, (begin, part) => {
      expect(part[0]).toBe(sendHuge.byteAt(begin))
      expect(part.at(-1)).toBe(sendHuge.byteAt(begin + part.length - 1))
      size += part.length
    })
    expect(size).toBe(sendHuge.size)
    expect(started.asked()).toBe(1)
  })
})

test('a TLS hello on the plain port is dropped at once, and others are served', async () => {
  const { own } = await start('pass')
  const hellos = Array.from({ length: 50 }, () => sayHello(own.port))
  expect((await ping(own)).status).toBe(200)
  for (const why of await Promise.all(hellos)) {
    // OpenSSL's words for an answer in plain http, by which clients know to come without TLS.
    expect(why).toMatch(/wrong version number|packet length too long/)
  }
})
