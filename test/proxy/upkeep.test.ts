import { once } from 'node:events'
import { createServer as createHttp } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import { Agent } from 'undici'
import { describe, expect, onTestFinished, test } from 'vitest'
import { PurserError } from '../../src/model/errors.ts'
import { createConnectionQueue } from '../../src/proxy/connection-queue.ts'
import { ask, errorOf, fakeRegistry, runProxy, upstreamAt } from './harness.ts'

const DIGEST = `sha256:${'0'.repeat(64)}`
const BLOB = `/v2/a/blobs/${DIGEST}`

/** A registry of raw sockets, which counts what comes. */
async function rawRegistry(serve: (socket: Socket, request: string, count: number) => void) {
  let requests = 0
  let connections = 0
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    connections++
    open.add(socket)
    socket.on('error', () => {}).on('close', () => open.delete(socket))
    socket.on('data', (chunk) => serve(socket, chunk.toString('latin1'), ++requests))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  return {
    own: upstreamAt(`127.0.0.1:${port}`),
    port,
    requests: () => requests,
    connections: () => connections,
  }
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

describe('what nobody answers', () => {
  test.each(['GET', 'HEAD'])('is tried again, if it is a %s', async (method) => {
    const { own, requests } = await rawRegistry((socket, _, count) => {
      if (count < 4) socket.destroy()
      else socket.write(OK)
    })
    const { url } = await runProxy([own], { own })
    expect((await ask(`${url}${BLOB}`, { method })).status).toBe(200)
    expect(requests()).toBe(4)
  })

  test('is not tried for ever', async () => {
    const { own, requests, port } = await rawRegistry((socket) => socket.destroy())
    const { url } = await runProxy([own], { own })
    const answer = await ask(`${url}${BLOB}`)
    expect([answer.status, errorOf(answer).message]).toEqual([
      502,
      `purser: no answer from 127.0.0.1:${port}: UND_ERR_SOCKET; it hung up: try again, and see whether a proxy is in between`,
    ])
    expect(requests()).toBe(4)
  })

  test.each([
    { method: 'PUT', path: '/v2/a/manifests/1', body: '{}' },
    { method: 'POST', path: '/v2/a/blobs/uploads/', body: undefined },
    { method: 'DELETE', path: '/v2/a/manifests/1', body: undefined },
  ])('is not tried again, if it is a $method', async ({ method, path, body }) => {
    const { own, requests } = await rawRegistry((socket) => socket.destroy())
    const { url } = await runProxy([own], { own })
    const answer = await ask(`${url}${path}`, { method, ...(body && { body }) })
    expect([answer.status, requests()]).toEqual([502, 1])
  })

  test('is not tried again once the client has got a byte', async () => {
    const { own, requests } = await rawRegistry((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf', () => socket.destroy())
    })
    const { url } = await runProxy([own], { own })
    await expect(ask(`${url}${BLOB}`)).rejects.toThrow('aborted')
    expect(requests()).toBe(1)
  })

  test('at a store is tried again too', async () => {
    let asked = 0
    const store = createHttp((req, res) => {
      if (++asked < 3) req.socket.destroy()
      else res.end('bytes')
    })
    store.listen(0, '127.0.0.1')
    await once(store, 'listening')
    onTestFinished(() => void store.close())
    const address = store.address()
    const origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
    const registry = await fakeRegistry({
      override(req, res) {
        res.writeHead(307, { Location: `${origin}/blob?X-Amz-Signature=x` }).end()
        return req.method === 'GET'
      },
    })
    const own = upstreamAt(registry.host, { redirects: 'follow', storage: [origin] })
    const { url } = await runProxy([own], { own })
    expect((await ask(`${url}${BLOB}`)).body.toString()).toBe('bytes')
    expect([asked, registry.asked.length]).toEqual([3, 1])
  })

  test('a registry that has only just come back is reached', async () => {
    const first = await rawRegistry((socket) => socket.write(OK))
    const { url } = await runProxy([first.own], { own: first.own })
    // Connections that were closed while they idled: one of them is used again.
    await ask(`${url}${BLOB}`)
    expect((await ask(`${url}${BLOB}`)).status).toBe(200)
  })

  test('in time is told as such', async () => {
    const silent = Object.assign(new Error('silent'), { code: 'UND_ERR_HEADERS_TIMEOUT' })
    const dispatcher = new Agent({ connect: (_, callback) => callback(silent, null) })
    onTestFinished(() => dispatcher.destroy())
    const own = upstreamAt('registry.invalid')
    const open = () => Promise.reject(silent)
    const net = { upstream: dispatcher, realm: () => dispatcher, open }
    const { url } = await runProxy([own], { own, net })
    const answer = await ask(`${url}${BLOB}`)
    expect([answer.status, errorOf(answer).message]).toEqual([
      504,
      'purser: registry.invalid has not begun to answer in time; see whether a firewall is in between, and try again',
    ])
  })

  test('that is told in the words of its cause', async () => {
    const error = new PurserError('network', 'the proxy p:3128 wants a login, status 407', {
      hint: 'name a file',
    })
    const dispatcher = new Agent({ connect: (_, callback) => callback(error, null) })
    onTestFinished(() => dispatcher.destroy())
    const own = upstreamAt('registry.invalid')
    const { url } = await runProxy([own], {
      own,
      net: { upstream: dispatcher, realm: () => dispatcher, open: () => Promise.reject(error) },
    })
    expect(errorOf(await ask(`${url}${BLOB}`)).message).toBe(
      'purser: no answer from registry.invalid: the proxy p:3128 wants a login, status 407; name a file',
    )
  })
})

test('a registry at an IPv6 address is reached by its alias, by ns, and by its own port', async () => {
  const server = createHttp((req, res) => res.end(`${req.headers.host} ${req.url}`))
  server.listen(0, '::1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const address = server.address()
  const host = `[::1]:${typeof address === 'object' ? address?.port : 0}`
  const own = upstreamAt(host, { alias: 'six' })
  const { url, proxy } = await runProxy([own])
  const told = `${host} /v2/a/manifests/1`
  expect((await ask(`${url}/v2/six/a/manifests/1`)).body.toString()).toBe(told)
  const ns = `?ns=${encodeURIComponent(host)}`
  expect((await ask(`${url}/v2/a/manifests/1${ns}`)).body.toString()).toBe(told)
  const bound = await proxy.listen({ address: '::1', port: 0 }, own)
  const port = 'port' in bound ? bound.port : 0
  expect((await ask(`http://[::1]:${port}/v2/a/manifests/1`)).body.toString()).toBe(told)
})

describe('a registry that is silent', () => {
  test('has so many who wait, and slows nobody else', async () => {
    const silent = await rawRegistry(() => {})
    const other = await fakeRegistry()
    other.putManifest('a', '1', Buffer.from('manifest'))
    const upstreams = [silent.own, upstreamAt(other.host)]
    const dispatcher = new Agent({ connections: 4 })
    onTestFinished(() => dispatcher.destroy())
    const { url, port } = await runProxy(upstreams, {
      net: {
        upstream: dispatcher,
        realm: () => dispatcher,
        open: () => Promise.reject(new Error('not asked for')),
      },
      queue: createConnectionQueue({ connections: 4, waiting: 6, now: Date.now }),
    })
    const path = `/v2/127.0.0.1_${silent.port}/a/manifests/1`
    for (let i = 0; i < 10; i++) {
      const socket = connect(port, '127.0.0.1')
      onTestFinished(() => void socket.destroy())
      socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    }
    const name = other.host.replace(':', '_')
    for (let i = 0; i < 20; i++) {
      expect((await ask(`${url}/v2/${name}/a/manifests/1`)).status).toBe(200)
    }
    const refused = await ask(`${url}${path}`)
    expect([refused.status, refused.headers['retry-after'], errorOf(refused)]).toEqual([
      503,
      '1',
      {
        code: 'UNAVAILABLE',
        message: `purser: too many requests wait for 127.0.0.1:${silent.port}`,
      },
    ])
    expect(silent.connections()).toBe(4)
  })
})

test('a proxy that is stopping takes nothing new on a connection that was open', async () => {
  const begun = Promise.withResolvers<void>()
  const goOn = Promise.withResolvers<void>()
  const registry = await fakeRegistry({
    override(_, res) {
      res.writeHead(200, { 'Content-Length': '4' }).write('ha')
      begun.resolve()
      void goOn.promise.then(() => res.end('lf'))
      return true
    },
  })
  const own = upstreamAt(registry.host)
  const { proxy, port } = await runProxy([own], { own })
  const line = `GET ${BLOB} HTTP/1.1\r\nHost: localhost\r\n\r\n`
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk
  })
  socket.write(line)
  await begun.promise
  const closed = proxy.close(10_000)
  socket.write(line)
  goOn.resolve()
  await Promise.all([closed, once(socket, 'close')])
  expect(text).toMatch(/^HTTP\/1\.1 200 .*half/s)
  expect(text).toMatch(/HTTP\/1\.1 503 .*connection: close.*purser: this proxy is stopping/is)
  expect(registry.asked.length).toBe(1)
})
