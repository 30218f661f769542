import { randomBytes } from 'node:crypto'
import { connect, createServer, type Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { digestOf } from '../fakes/registry.ts'
import { fakeRegistry, runProxy, upstreamAt } from './harness.ts'

const BLOB = randomBytes(1024 * 1024)
const PATH = `/v2/acme/app/blobs/${digestOf(BLOB)}`
const POSITIONS = 200

type Send = (socket: Socket) => void

/** Speaks TCP, and HTTP no further than a test says. */
async function startRaw(send: Send): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      if (chunk.includes('\r\n\r\n')) send(socket)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return `127.0.0.1:${address.port}`
}

/** A proxy before a registry that sends so, or that redirects to a store that does. */
async function start(stored: boolean, send: Send) {
  const host = await startRaw(send)
  if (!stored) {
    const own = upstreamAt(host)
    return runProxy([own], { own })
  }
  const registry = await fakeRegistry({
    override(_, res) {
      res.writeHead(307, { Location: `http://${host}/blob?X-Signature=s3cret` }).end()
      return true
    },
  })
  const own = upstreamAt(registry.host, { redirects: 'follow' })
  return runProxy([own], { own })
}

interface Received {
  readonly head: string
  readonly body: Buffer
  /** Whether the server closed although the client had asked it not to. */
  readonly closed: boolean
  /** Whether a client takes it for the whole. */
  readonly complete: boolean
}

/** Reads as a client that keeps its connection, and believes nothing but bytes. */
function receive(port: number): Promise<Received> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    const socket = connect(port, '127.0.0.1', () =>
      socket.write(`GET ${PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n`),
    )
    const end = (closed: boolean) => {
      socket.destroy()
      const all = Buffer.concat(chunks)
      const split = all.indexOf('\r\n\r\n')
      const head = split === -1 ? all.toString('latin1') : all.toString('latin1', 0, split)
      const body = split === -1 ? Buffer.alloc(0) : all.subarray(split + 4)
      resolve({ head, body, closed, complete: isComplete(head, body) })
    }
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      const all = chunks.length < 64 ? Buffer.concat(chunks) : undefined
      const split = all?.indexOf('\r\n\r\n') ?? -1
      if (all === undefined || split === -1) return
      if (isComplete(all.toString('latin1', 0, split), all.subarray(split + 4))) end(false)
    })
    socket.on('error', () => undefined).on('close', () => end(true))
  })
}

function isComplete(head: string, body: Buffer): boolean {
  if (/\r\ntransfer-encoding: chunked/i.test(head)) {
    return body.subarray(-5).toString('latin1') === '0\r\n\r\n'
  }
  const length = /\r\ncontent-length: ([0-9]+)/i.exec(head)?.[1]
  return length !== undefined && body.length >= Number(length)
}

/** Whether what came is no more than the beginning of the blob, and shown to be no more. */
function expectBroken({ head, body, closed, complete }: Received): void {
  // Nothing had come that could be passed on: the answer is ours, or there is none.
  if (closed && head === '') return
  if (/^HTTP\/1\.1 502 /.test(head)) return
  expect(head).toMatch(/^HTTP\/1\.1 200 /)
  expect([closed, complete]).toEqual([true, false])
  const bytes = /chunked/i.test(head) ? dechunk(body) : body
  expect(bytes.equals(BLOB.subarray(0, bytes.length))).toBe(true)
}

function dechunk(body: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; ; ) {
    const line = body.indexOf('\r\n', at)
    if (line === -1) return Buffer.concat(parts)
    const size = Number.parseInt(body.toString('latin1', at, line), 16)
    parts.push(body.subarray(line + 2, line + 2 + size))
    at = line + 2 + size + 2
  }
}

const HEAD = `HTTP/1.1 200 OK\r\nContent-Length: ${BLOB.length}\r\n\r\n`
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'

function chunk(bytes: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(`${bytes.length.toString(16)}\r\n`),
    bytes,
    Buffer.from('\r\n'),
  ])
}

/** Sends so much and then resets: the bytes are out before the reset is. */
function reset(socket: Socket, bytes: Buffer): void {
  socket.write(bytes, () => void setImmediate(() => socket.resetAndDestroy()))
}

describe.each([
  ['a registry', false],
  ['a store', true],
] as const)('a body of %s', (_, stored) => {
  test(`that is reset at ${POSITIONS} positions never looks whole`, async () => {
    let position = 0
    const { port } = await start(stored, (socket) =>
      reset(socket, Buffer.concat([Buffer.from(HEAD), BLOB.subarray(0, position)])),
    )
    for (let i = 0; i < POSITIONS; i++) {
      position = randomBytes(4).readUInt32BE() % BLOB.length
      expectBroken(await receive(port))
    }
  })

  test('that is reset amid its chunks never looks whole', async () => {
    let position = 0
    const { port } = await start(stored, (socket) =>
      reset(
        socket,
        Buffer.concat([Buffer.from(CHUNKED), chunk(BLOB), Buffer.from('0\r\n\r\n')]).subarray(
          0,
          position,
        ),
      ),
    )
    for (let i = 0; i < 50; i++) {
      position = randomBytes(4).readUInt32BE() % (BLOB.length + CHUNKED.length)
      expectBroken(await receive(port))
    }
  })

  test.each([
    ['all but its last byte', Buffer.concat([Buffer.from(HEAD), BLOB.subarray(0, -1)])],
    ['half of it', Buffer.concat([Buffer.from(HEAD), BLOB.subarray(0, BLOB.length / 2)])],
    ['nothing of it', Buffer.from(HEAD)],
    ['half of its head', Buffer.from(HEAD.slice(0, 30))],
    ['nothing at all', Buffer.alloc(0)],
    ['all chunks but the last', Buffer.concat([Buffer.from(CHUNKED), chunk(BLOB)])],
    ['a chunk that is cut', Buffer.concat([Buffer.from(CHUNKED), chunk(BLOB)]).subarray(0, -100)],
    [
      'a last chunk that is cut',
      Buffer.concat([Buffer.from(CHUNKED), chunk(BLOB), Buffer.from('0\r\n')]),
    ],
    [
      'a chunk whose length is none',
      Buffer.concat([Buffer.from(CHUNKED), chunk(BLOB), Buffer.from('xyz\r\n\r\n')]),
    ],
  ])('of which %s comes, with a clean end, never looks whole', async (__, bytes) => {
    const { port } = await start(stored, (socket) => void socket.end(bytes))
    expectBroken(await receive(port))
  })

  test('that is longer than it says is cut, and its rest is no answer to anybody', async () => {
    const more = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong')
    const { port } = await start(
      stored,
      (socket) => void socket.write(Buffer.concat([Buffer.from(HEAD), BLOB, more])),
    )
    for (let i = 0; i < 5; i++) {
      const { head, body } = await receive(port)
      expect(head).toMatch(/^HTTP\/1\.1 200 /)
      expect(body.equals(BLOB)).toBe(true)
    }
  })
})
