import { createHash, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { UpstreamConfig } from '../../src/config/config.ts'
import { listen, stop } from '../fakes/http.ts'
import { digestOf } from '../fakes/registry.ts'
import { type Answer, ask, BASIC, fakeRegistry, LOGIN, runProxy, upstreamAt } from './harness.ts'
import { DIGEST, startStored } from './stored.ts'

const BLOB = randomBytes(20_000)
const PATH = `/v2/acme/app/blobs/${digestOf(BLOB)}`
const ETAG = '"abc"'
const BOUNDARY = 'purser-3d6b6a416f9b5'

/** Serves a blob as a server that knows all of RFC 9110 14. */
function serve(req: IncomingMessage, res: ServerResponse): void {
  const common = { ETag: ETAG, 'Accept-Ranges': 'bytes', 'Docker-Content-Digest': digestOf(BLOB) }
  const { range, 'if-range': ifRange, 'if-none-match': ifNoneMatch } = req.headers
  if (ifNoneMatch === ETAG) return void res.writeHead(304, common).end()
  const asked = ifRange === undefined || ifRange === ETAG ? range : undefined
  const parts = asked === undefined ? undefined : rangesOf(asked)
  if (parts === undefined) {
    const packed = req.headers['accept-encoding'] === 'gzip' ? gzipSync(BLOB) : undefined
    const encoding = packed === undefined ? {} : { 'Content-Encoding': 'gzip' }
    const body = packed ?? BLOB
    res.writeHead(200, { ...common, ...encoding, 'Content-Length': body.length }).end(body)
  } else if (parts.length === 0) {
    res.writeHead(416, { ...common, 'Content-Range': `bytes */${BLOB.length}` }).end()
  } else if (parts.length === 1) {
    const [{ first, last } = { first: 0, last: 0 }] = parts
    const body = BLOB.subarray(first, last + 1)
    const where = `bytes ${first}-${last}/${BLOB.length}`
    const headers = { ...common, 'Content-Range': where, 'Content-Length': body.length }
    res.writeHead(206, headers).end(body)
  } else {
    const body = Buffer.concat([
      ...parts.flatMap(({ first, last }) => [
        Buffer.from(
          `\r\n--${BOUNDARY}\r\nContent-Range: bytes ${first}-${last}/${BLOB.length}\r\n\r\n`,
        ),
        BLOB.subarray(first, last + 1),
      ]),
      Buffer.from(`\r\n--${BOUNDARY}--\r\n`),
    ])
    const type = `multipart/byteranges; boundary=${BOUNDARY}`
    res.writeHead(206, { ...common, 'Content-Type': type, 'Content-Length': body.length }).end(body)
  }
}

function rangesOf(text: string) {
  return text
    .replace('bytes=', '')
    .split(',')
    .map((each) => {
      const [from = '', to = ''] = each.trim().split('-')
      const suffix = from === ''
      const first = suffix ? Math.max(BLOB.length - Number(to), 0) : Number(from)
      return { first, last: Math.min(suffix || to === '' ? Infinity : Number(to), BLOB.length - 1) }
    })
    .filter(({ first, last }) => first <= last)
}

interface Readable {
  /** Of the bytes, without the proxy. */
  readonly straight: string
  readonly url: string
}

/** A registry that serves its blobs, or a store to which it redirects. */
async function start(stored: boolean): Promise<Readable> {
  const store = createServer(serve)
  const origin = `http://127.0.0.1:${await listen(store)}`
  onTestFinished(() => stop(store))
  const registry = await fakeRegistry({
    override(req, res) {
      if (stored) res.writeHead(307, { Location: `${origin}/blob?X-Signature=s3cret` }).end()
      else serve(req, res)
      return true
    },
  })
  const own: UpstreamConfig = upstreamAt(registry.host, { redirects: 'follow' })
  const { url } = await runProxy([own], { own })
  return { straight: `${origin}/blob`, url: `${url}${PATH}` }
}

const REQUESTS: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ['the whole', {}],
  ['the first two bytes', { Range: 'bytes=0-1' }],
  ['a range in the middle', { Range: 'bytes=5000-9095' }],
  ['a range that goes past the end', { Range: 'bytes=19990-30000' }],
  ['from somewhere to the end', { Range: 'bytes=12345-' }],
  ['the last bytes, without knowing how many there are', { Range: 'bytes=-500' }],
  ['more last bytes than there are', { Range: 'bytes=-50000' }],
  ['two ranges', { Range: 'bytes=0-99,200-299' }],
  ['many ranges, of which some overlap', { Range: 'bytes=0-1, 1-2,5-9,-3,100-199' }],
  ['a range past the end', { Range: 'bytes=20000-' }],
  ['a range of what has not changed', { Range: 'bytes=0-9', 'If-Range': ETAG }],
  ['a range of what has changed: then it is all', { Range: 'bytes=0-9', 'If-Range': '"old"' }],
  ['what has not changed', { 'If-None-Match': ETAG }],
  ['the whole, packed', { 'Accept-Encoding': 'gzip' }],
]

/** What is the server's own word, and what there is besides. */
const SAME = [
  ...['accept-ranges', 'content-encoding', 'content-length', 'content-range', 'etag'],
  ...['docker-content-digest', 'transfer-encoding'],
]

function told({ status, headers, body }: Answer) {
  const digest = createHash('sha256').update(body).digest('hex')
  return {
    status,
    size: body.length,
    digest,
    ...Object.fromEntries(SAME.map((n) => [n, headers[n]])),
  }
}

describe.each([
  ['a registry', false],
  ['a store', true],
] as const)('what %s sends', (_, stored) => {
  test.each(REQUESTS)('comes byte for byte: %s', async (__, headers) => {
    const { straight, url } = await start(stored)
    const expected = told(await ask(straight, { headers }))
    // The first goes by the registry, the second by what is known then.
    for (const each of ['first', 'second']) {
      expect([each, told(await ask(url, { headers }))]).toEqual([each, expected])
    }
  })

  test('keeps the boundary of its parts', async () => {
    const { url } = await start(stored)
    const { headers } = await ask(url, { headers: { Range: 'bytes=0-1,5-6' } })
    expect(headers['content-type']).toBe(`multipart/byteranges; boundary=${BOUNDARY}`)
  })
})

describe('a known URL', () => {
  test.each([400, 401, 403, 404, 410])(
    'that is refused with %i is forgotten, and asked for once more',
    async (status) => {
      let refused = 0
      const { read, registry, stored } = await startStored({
        redirects: 'follow',
        store(req, res) {
          if (req.url?.includes('serial=1&') !== true || stored.length === 1) return false
          refused++
          res.writeHead(status).end('<Error/>')
          return true
        },
      })
      expect((await read('bytes=0-9')).status).toBe(206)
      for (let i = 0; i < 5; i++) expect((await read('bytes=0-9')).status).toBe(206)
      expect([refused, registry.asked.length]).toEqual([1, 2])
    },
  )

  test('that is refused anew each time costs two requests a read, and no more', async () => {
    const { read, registry, stored } = await startStored({
      redirects: 'follow',
      store(_, res) {
        if (stored.length === 1) return false
        res.writeHead(403).end('<Error/>')
        return true
      },
    })
    expect((await read('bytes=0-9')).status).toBe(206)
    expect((await read('bytes=0-9')).status).toBe(502)
    expect([registry.asked.length, stored.length]).toEqual([2, 3])
  })

  test('is of one repository and digest alone', async () => {
    const { url, read, registry } = await startStored({ redirects: 'follow' })
    await read('bytes=0-9')
    await ask(`${url}/v2/acme/other/blobs/${DIGEST}`)
    expect(registry.asked).toHaveLength(2)
    await ask(`${url}/v2/acme/app/blobs/sha256:${'0'.repeat(64)}`)
    expect(registry.asked).toHaveLength(3)
    await read('bytes=0-9')
    expect(registry.asked).toHaveLength(3)
  })

  test('counts where the registry serves other blobs itself', async () => {
    const store = createServer(serve)
    const origin = `http://127.0.0.1:${await listen(store)}`
    onTestFinished(() => stop(store))
    const registry = await fakeRegistry({
      override(req, res) {
        if (req.url !== PATH) serve(req, res)
        else res.writeHead(307, { Location: `${origin}/blob?X-Signature=s3cret` }).end()
        return true
      },
    })
    const own = upstreamAt(registry.host, { redirects: 'follow' })
    const { url } = await runProxy([own], { own })
    for (let i = 0; i < 10; i++) {
      await ask(`${url}${PATH}`)
      await ask(`${url}/v2/acme/app/blobs/${DIGEST}`)
    }
    expect(registry.asked.filter((each) => each.url === PATH)).toHaveLength(1)
  })

  test('is asked without the login, and only by GET', async () => {
    const { read, blob, stored } = await startStored({ redirects: 'follow', redirectsHead: true })
    await read('bytes=0-9')
    await ask(blob, { method: 'HEAD', headers: { Authorization: 'Basic b3RoZXI6b25l' } })
    await ask(blob, { headers: { Authorization: 'Basic b3RoZXI6b25l', Cookie: 'a=b' } })
    expect(stored.map(({ method }) => method)).toEqual(['GET', 'GET', 'GET'])
    for (const { headers } of stored) {
      expect([headers.authorization, headers.cookie]).toEqual([undefined, undefined])
    }
  })
})

test('a hundred who wait for a registry that fails are not stuck with it', async () => {
  let asked = 0
  const registry = await fakeRegistry({
    auth: BASIC,
    override(req, res) {
      if (req.url !== PATH) return false
      asked++
      if (asked === 1) setTimeout(() => res.writeHead(500).end('no'), 50)
      else serve(req, res)
      return true
    },
  })
  const own = upstreamAt(registry.host, { redirects: 'follow' })
  const { url } = await runProxy([own], { own, login: () => LOGIN })
  const answers = await Promise.all(Array.from({ length: 100 }, () => ask(`${url}${PATH}`)))
  const failed = answers.filter(({ status }) => status !== 200)
  expect(failed.map(({ status }) => status)).toEqual([500])
  expect(answers.filter(({ body }) => body.equals(BLOB))).toHaveLength(99)
})
