import { createHash, randomBytes } from 'node:crypto'
import { request } from 'node:http'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { digestOf } from '../fakes/registry.ts'
import { fakeRegistry, runProxy, upstreamAt } from './harness.ts'

const MIB = 1024 * 1024
const BODY = randomBytes(MIB)
const DIGEST = digestOf(BODY)

interface Got {
  readonly bytes: number
  readonly sha256: string
  /** Whether the body came to an end as its headers say. */
  readonly whole: boolean
}

/** Reads to whatever end; what came before it is what it should be. */
function read(url: string): Promise<Got> {
  return new Promise((resolve) => {
    const hash = createHash('sha256')
    let bytes = 0
    const end = (whole: boolean) => resolve({ bytes, whole, sha256: hash.digest('hex') })
    const req = request(url, { agent: false }, (res) => {
      res.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        hash.update(chunk)
      })
      res.once('close', () => end(res.complete))
    })
    req.once('error', () => end(false))
    req.end()
  })
}

const sha256 = (bytes: number) => createHash('sha256').update(BODY.subarray(0, bytes)).digest('hex')

/** How a registry breaks off, after so many bytes of what it has announced. */
const WAYS = {
  'resets the connection': { headers: { 'Content-Length': MIB }, cut: 'reset' },
  'hangs up': { headers: { 'Content-Length': MIB }, cut: 'end' },
  'resets the connection, in chunks': { headers: {}, cut: 'reset' },
  'hangs up, in chunks': { headers: {}, cut: 'end' },
} as const

describe('a blob of 1 MiB', () => {
  test.each(Object.entries(WAYS))(
    'that %s anywhere is broken at the client too',
    async (_, way) => {
      let at = 0
      const registry = await fakeRegistry({
        override(_req, res) {
          res.writeHead(200, way.headers).flushHeaders()
          res.write(BODY.subarray(0, at), () => {
            if (way.cut === 'reset') res.socket?.resetAndDestroy()
            else res.socket?.end()
          })
          return true
        },
      })
      const own = upstreamAt(registry.host)
      const { url } = await runProxy([own], { own })
      // 200 places, in four ways.
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 0, max: MIB - 1 }), async (place) => {
          at = place
          const got = await read(`${url}/v2/a/blobs/${DIGEST}`)
          expect(got.whole).toBe(false)
          expect(got.bytes).toBeLessThanOrEqual(place)
          expect(got.sha256).toBe(sha256(got.bytes))
        }),
        { numRuns: 50, endOnFailure: true },
      )
    },
  )
})

test('a body that is longer than it says is cut, and not the next answer', async () => {
  const registry = await fakeRegistry({
    override(_, res) {
      res.writeHead(200, { 'Content-Length': '4' }).flushHeaders()
      res.socket?.write('goodHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged')
      return true
    },
  })
  onTestFinished(() => registry.close())
  const own = upstreamAt(registry.host)
  const { url } = await runProxy([own], { own })
  for (let i = 0; i < 3; i++) {
    const { bytes, sha256: digest } = await read(`${url}/v2/a/blobs/${DIGEST}`)
    expect([bytes, digest]).toEqual([4, createHash('sha256').update('good').digest('hex')])
  }
})
