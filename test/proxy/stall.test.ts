import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { Agent } from 'undici'
import { expect, onTestFinished, test } from 'vitest'
import { createConnectionQueue } from '../../src/proxy/connection-queue.ts'
import { ask, fakeRegistry, netOf, runProxy, upstreamAt } from './harness.ts'

const DIGEST = `sha256:${'0'.repeat(64)}`
const PATH = `/v2/acme/app/blobs/${DIGEST}`

/** A registry that says exactly these bytes, one text for each request that comes. */
async function wordFor(word: (socket: Socket, request: string, count: number) => void) {
  let connections = 0
  let requests = 0
  const server = createServer((socket) => {
    connections++
    socket.on('error', () => {})
    socket.on('data', (chunk) => word(socket, chunk.toString('latin1'), ++requests))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  return { own: upstreamAt(`127.0.0.1:${port}`), connections: () => connections }
}

const UNAUTHORIZED = 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 9\r\n'

test.each([
  { name: 'of a 401', head: UNAUTHORIZED, status: 401 },
  {
    name: 'of a redirect',
    head: 'HTTP/1.1 307 x\r\nLocation: //cdn.example/\r\nContent-Length: 9\r\n',
    status: 307,
  },
  { name: 'of a 403', head: 'HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n', status: 403 },
])('a short body $name that never ends does not hold the answer', async ({ head, status }) => {
  const { own } = await wordFor((socket) => socket.write(`${head}\r\nhalf`))
  const { port } = await runProxy([own], { own })
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  socket.write(`GET ${PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  const [first] = await once(socket, 'data')
  expect(String(first)).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
})

test('a body that comes late after a HEAD is never the answer to the next request', async () => {
  const { own, connections } = await wordFor((socket, request, count) => {
    if (request.startsWith('HEAD')) {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 45\r\n\r\n')
      // On a connection that is used again, this would be what the GET is answered with.
      setTimeout(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged'), 5)
    } else {
      setTimeout(() => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrue`), 20)
    }
    expect(count).toBeLessThan(3)
  })
  const dispatcher = new Agent({ connections: 1 })
  onTestFinished(() => dispatcher.destroy())
  const { url } = await runProxy([own], {
    own,
    net: netOf(dispatcher),
  })
  await ask(`${url}${PATH}`, { method: 'HEAD' })
  expect((await ask(`${url}${PATH}`)).body.toString()).toBe('true')
  expect(connections()).toBe(2)
})

test.each([
  { name: 'read', method: 'GET', path: PATH },
  { name: 'send', method: 'PUT', path: '/v2/acme/app/manifests/1' },
])('clients that no longer $name make room, once others wait', async ({ method, path }) => {
  let held = 0
  const registry = await fakeRegistry({
    override(req, res) {
      if (!req.url?.endsWith(path)) return false
      held++
      // More than the buffers on the way hold, so that it comes to a stand.
      if (method === 'GET') res.end(Buffer.alloc(64 * 1024 * 1024))
      return true
    },
  })
  const digest = registry.putBlob('acme/app', Buffer.from('layer'))
  const own = upstreamAt(registry.host)
  const dispatcher = new Agent({ connections: 2 })
  onTestFinished(() => dispatcher.destroy())
  const { url, port, logged } = await runProxy([own], {
    own,
    net: netOf(dispatcher),
    queue: createConnectionQueue({ connections: 2, patienceMs: 50, now: Date.now }),
  })
  for (let i = 0; i < 2; i++) {
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    onTestFinished(() => void socket.destroy())
    socket.write(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\n`)
    socket.write(method === 'GET' ? '\r\n' : 'Content-Length: 9\r\n\r\nhalf')
  }
  await expect.poll(() => held).toBe(2)
  const answer = await ask(`${url}/v2/acme/app/blobs/${digest}`)
  expect(answer.body.toString()).toBe('layer')
  // One had to go, and the other stays until somebody needs its place.
  expect(logged.filter(({ broken }) => broken)).toHaveLength(1)
})

test('who stands still for longest goes first, and nobody without need', async () => {
  let now = 0
  const evicted: string[] = []
  const queue = createConnectionQueue({ connections: 2, now: () => now, patienceMs: 5 })
  const enter = (name: string, isClientsTurn: boolean) =>
    queue.enter('https://ghcr.io', {
      isClientsTurn: () => isClientsTurn,
      evict() {
        evicted.push(name)
        places.get(name)?.leave()
      },
    })
  const places = new Map<string, ReturnType<typeof enter>>()
  for (const [name, turn] of [
    ['busy', false],
    ['still', true],
  ] as const) {
    places.set(name, enter(name, turn))
    places.get(name)?.moved()
  }
  now = 1_000
  places.set('waits', enter('waits', false))
  await expect.poll(() => evicted).toEqual(['still'])
})
