import { createHash } from 'node:crypto'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { expect, onTestFinished, test } from 'vitest'
import { ask, runProxy, upstreamAt } from './harness.ts'

const MIB = 1024 * 1024
const SIZE = 512 * MIB
/** Client and registry live in this process too, and garbage waits its time; a kept body does not go. */
const MAX_GROWTH = SIZE / 2
const PIECE = Buffer.alloc(MIB, 'purser')
const DIGEST = `sha256:${'0'.repeat(64)}`

/** A registry that makes up its blobs and keeps no upload, but tells what it hashed. */
async function bottomless(): Promise<string> {
  const server = createServer((req, res) => {
    if (req.method === 'GET') {
      res.writeHead(200, { 'Content-Length': SIZE })
      void pipeline(pieces(), res).catch(() => {})
    } else if (req.method === 'POST') {
      res.writeHead(202, { Location: '/v2/a/blobs/uploads/1' }).end()
    } else {
      const hash = createHash('sha256')
      void pipeline(req, hash).then(() => {
        res.writeHead(202, { Location: '/v2/a/blobs/uploads/1', 'Docker-Seen': hash.digest('hex') })
        res.end()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

function pieces(): Readable {
  return Readable.from(
    (function* () {
      for (let sent = 0; sent < SIZE; sent += PIECE.length) yield PIECE
    })(),
  )
}

/** The most memory that the process holds beyond what it held at first, while `work` runs. */
async function growth(work: Promise<unknown>): Promise<number> {
  const before = process.memoryUsage.rss()
  let most = before
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss())
  }, 20)
  await work.finally(() => clearInterval(timer))
  return most - before
}

function hashOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash('sha256')
  return pipeline(stream, hash).then(() => hash.digest('hex'))
}

test('a large blob passes in each direction and leaves no trace in memory', async () => {
  const own = upstreamAt(await bottomless())
  const { url } = await runProxy([own], { own })
  const expected = await hashOf(pieces())

  let pulled = ''
  const pull = new Promise<void>((resolve, reject) => {
    request(`${url}/v2/a/blobs/${DIGEST}`, { agent: false }, (res) => {
      hashOf(res).then((hash) => {
        pulled = hash
        resolve()
      }, reject)
    }).end()
  })
  expect(await growth(pull)).toBeLessThan(MAX_GROWTH)
  expect(pulled).toBe(expected)

  const start = await ask(`${url}/v2/a/blobs/uploads/`, { method: 'POST' })
  const push = ask(`${url}${start.headers.location}`, { method: 'PATCH', body: pieces() })
  expect(await growth(push)).toBeLessThan(MAX_GROWTH)
  expect((await push).headers['docker-seen']).toBe(expected)
}, 60_000)

test('a client that does not read holds the registry back', async () => {
  let written = 0
  const server = createServer((_, res) => {
    res.writeHead(200, { 'Content-Length': SIZE })
    const more = () => {
      while (written < SIZE) {
        written += PIECE.length
        if (!res.write(PIECE)) return res.once('drain', more)
      }
      return res.end()
    }
    more()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const own = upstreamAt(`127.0.0.1:${(server.address() as AddressInfo).port}`)
  const { url } = await runProxy([own], { own })
  const stalled = new Promise<number>((resolve) => {
    const req = request(`${url}/v2/a/blobs/${DIGEST}`, { agent: false }, (res) => {
      res.pause()
      let last = -1
      const watch = setInterval(() => {
        if (written === last) {
          clearInterval(watch)
          req.destroy()
          resolve(written)
        }
        last = written
      }, 100)
    })
    req.on('error', () => {}).end()
  })
  // Sockets and streams hold a few MiB between them, and no more of it however long one waits.
  expect(await stalled).toBeLessThan(64 * MIB)
})
