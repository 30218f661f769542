import { once } from 'node:events'
import { request } from 'node:http'
import { connect, createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { PurserError } from '../../src/model/errors.ts'
import { ask, BASIC, errorOf, fakeRegistry, LOGIN, runProxy, talk, upstreamAt } from './harness.ts'

const DIGEST = `sha256:${'0'.repeat(64)}`
const PATH = `/v2/acme/app/blobs/${DIGEST}`

test.each([
  { name: 'of known length', headers: { 'Content-Length': '100' } },
  { name: 'in chunks', headers: {} },
])('a body $name that breaks off never looks whole', async ({ headers }) => {
  const registry = await fakeRegistry({
    override(_, res) {
      res.writeHead(200, headers)
      res.write('half', () => res.destroy())
      return true
    },
  })
  const own = upstreamAt(registry.host)
  const { url, logged } = await runProxy([own], { own })
  await expect(ask(`${url}${PATH}`)).rejects.toThrow('aborted')
  expect(logged.at(-1)).toMatchObject({ event: 'request', status: 200, bytes: 4, broken: true })
})

test('a client that goes takes its request with it', async () => {
  const gone = Promise.withResolvers<void>()
  const registry = await fakeRegistry({
    override(_, res) {
      res.once('close', gone.resolve)
      res.writeHead(200, { 'Content-Length': '1000000000' }).write('first')
      return true
    },
  })
  const own = upstreamAt(registry.host)
  const { url } = await runProxy([own], { own })
  const req = request(`${url}${PATH}`, (res) => res.once('data', () => req.destroy()))
  req.on('error', () => {}).end()
  await gone.promise
})

test.each([
  { name: 'without a body', method: 'GET', path: PATH, headers: {} },
  // Its body breaks off while nobody reads it yet.
  {
    name: 'with a body',
    method: 'PUT',
    path: '/v2/acme/app/manifests/1',
    headers: { 'Content-Length': '100' },
  },
])(
  'a client $name that goes while its credential is looked for is not waited upon',
  async ({ method, path, headers }) => {
    const registry = await fakeRegistry()
    const own = upstreamAt(registry.host)
    const asked = Promise.withResolvers<void>()
    const found = Promise.withResolvers<undefined>()
    const resolver = {
      resolve() {
        asked.resolve()
        return found.promise
      },
    }
    const { url, logged } = await runProxy([own], { own, resolver })
    const req = request(`${url}${path}`, { method, headers })
    req.on('error', () => {}).flushHeaders()
    await asked.promise
    req.destroy()
    await new Promise((resolve) => req.once('close', resolve))
    // One round trip on another connection: the proxy has seen the first one close.
    await ask(`${url}/livez`)
    found.resolve(undefined)
    await expect.poll(() => logged.length).toBe(1)
    expect(logged[0]).toMatchObject({ event: 'request', broken: true })
    expect(registry.asked).toEqual([])
  },
)

test.each([
  { name: 'sending', method: 'PUT', path: '/v2/acme/app/manifests/1' },
  { name: 'reading', method: 'GET', path: PATH },
])(
  'a client that stops $name gives the connection to the registry back',
  async ({ method, path }) => {
    const gone = Promise.withResolvers<void>()
    const registry = await fakeRegistry({
      override(_, res) {
        res.once('close', gone.resolve)
        // More than the buffers on the way hold, so that it comes to a stand.
        if (method === 'GET') res.end(Buffer.alloc(64 * 1024 * 1024))
        return true
      },
    })
    const own = upstreamAt(registry.host)
    const { port } = await runProxy([own], { own, stallTimeoutMs: 100 })
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    onTestFinished(() => void socket.destroy())
    socket.write(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\n`)
    socket.write(method === 'GET' ? '\r\n' : 'Content-Length: 9\r\n\r\nhalf')
    await gone.promise
  },
)

test('a client that goes amid its upload leaves the registry a broken one', async () => {
  const arrived = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<string>()
  const registry = await fakeRegistry({
    override(req) {
      if (req.method !== 'PATCH') return false
      req.once('data', () => arrived.resolve())
      req.once('end', () => ended.resolve('whole'))
      req.once('error', ({ message }) => ended.resolve(message))
      return true
    },
  })
  const own = upstreamAt(registry.host)
  const { url } = await runProxy([own], { own })
  const { headers } = await ask(`${url}/v2/acme/app/blobs/uploads/`, { method: 'POST' })
  const req = request(`${url}${headers.location}`, { method: 'PATCH' })
  req.on('error', () => {}).write('half')
  await arrived.promise
  req.destroy()
  expect(await ended.promise).toBe('aborted')
})

test('a registry that is not there is a 502 with the reason', async () => {
  const own = upstreamAt('127.0.0.1:1')
  const { url } = await runProxy([own], { own })
  const answer = await ask(`${url}${PATH}`)
  expect(answer.status).toBe(502)
  expect(errorOf(answer).message).toMatch(/^purser: no answer from 127\.0\.0\.1:1: ECONNREFUSED/)
})

test('a kept connection that was closed meanwhile is opened again', async () => {
  let connections = 0
  const server = createServer((socket) => {
    connections++
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      socket.once('data', () => socket.destroy())
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const own = upstreamAt(`127.0.0.1:${port}`)
  const { url } = await runProxy([own], { own })
  for (let i = 0; i < 2; i++) expect((await ask(`${url}${PATH}`)).body.toString()).toBe('ok')
  expect(connections).toBe(2)
})

const FAULT = new PurserError('upstream-refused', 'the cloud said no', { hint: 'renew the key' })
const faulty = {
  resolve: () => Promise.reject(FAULT),
}

test('a fault of a credential is the answer where on_fault is fail', async () => {
  const registry = await fakeRegistry()
  const own = upstreamAt(registry.host)
  const { url, logged } = await runProxy([own], { own, resolver: faulty })
  const answer = await ask(`${url}${PATH}`)
  expect(answer.status).toBe(401)
  expect(errorOf(answer)).toEqual({
    code: 'UNAUTHORIZED',
    message: 'purser: the cloud said no; renew the key',
  })
  expect(registry.asked).toEqual([])
  expect(logged[0]).toMatchObject({
    event: 'credential cannot be used',
    error: 'the cloud said no',
  })
})

test('and an anonymous try where it is anonymous', async () => {
  const registry = await fakeRegistry()
  registry.putManifest('acme/app', 'v1', Buffer.from('{}'))
  const own = upstreamAt(registry.host, { onFault: 'anonymous' })
  const { url, logged } = await runProxy([own], { own, resolver: faulty })
  expect((await ask(`${url}/v2/acme/app/manifests/v1`)).status).toBe(200)
  expect(registry.asked[0]?.headers.authorization).toBeUndefined()
  expect(logged[0]?.event).toBe('credential cannot be used, trying without')
})

test('who needs a login all the same is told why there is none', async () => {
  const registry = await fakeRegistry({ auth: BASIC })
  const own = upstreamAt(registry.host, { onFault: 'anonymous' })
  const { url } = await runProxy([own], { own, resolver: faulty })
  const answer = await ask(`${url}${PATH}`)
  expect(answer.status).toBe(401)
  expect(errorOf(answer)).toEqual({
    code: 'UNAUTHORIZED',
    message:
      `purser: ${registry.host} wants a login for pull of acme/app: the cloud said no ` +
      `(renew the key); going on without, as on_fault of ${registry.host} says`,
  })
})

test('a push is never tried without', async () => {
  const registry = await fakeRegistry()
  const own = upstreamAt(registry.host, { onFault: 'anonymous' })
  const { url } = await runProxy([own], { own, resolver: faulty })
  const answer = await ask(`${url}/v2/acme/app/blobs/uploads/`, { method: 'POST' })
  expect(errorOf(answer)).toMatchObject({ message: 'purser: the cloud said no; renew the key' })
  expect(registry.asked).toEqual([])
})

/** Public, and yet it lets nobody in with a login that it does not know, as Artifactory and Nexus. */
const publicRegistry = () =>
  fakeRegistry({
    override(req, res) {
      if (req.headers.authorization === undefined) return false
      res.writeHead(401, { 'WWW-Authenticate': 'Basic realm="r"' }).end()
      return true
    },
  })

test('what a registry refuses is done without where it is anonymous', async () => {
  const registry = await publicRegistry()
  const digest = registry.putBlob('acme/app', Buffer.from('12345'))
  const own = upstreamAt(registry.host, { onFault: 'anonymous' })
  const { url, logged } = await runProxy([own], { own, login: () => LOGIN })
  const answer = await ask(`${url}/v2/acme/app/blobs/${digest}`)
  expect(answer.body.toString()).toBe('12345')
  expect(registry.asked.map(({ headers }) => headers.authorization !== undefined)).toEqual([
    true,
    false,
  ])
  expect(logged).toContainEqual(
    expect.objectContaining({
      event: 'credential cannot be used, trying without',
      error:
        `cannot log in to ${registry.host}/acme/app with entry ${registry.host}: ` +
        `${registry.host} refused it, status 401; ` +
        `going on without, as on_fault of ${registry.host} says`,
    }),
  )
})

test('and is refused where it is not', async () => {
  const registry = await publicRegistry()
  const own = upstreamAt(registry.host)
  const { url } = await runProxy([own], { own, login: () => LOGIN })
  expect((await ask(`${url}${PATH}`)).status).toBe(401)
  expect(registry.asked).toHaveLength(1)
})

test('a request is one line, without its query', async () => {
  const registry = await fakeRegistry()
  const digest = registry.putBlob('acme/app', Buffer.from('12345'))
  const own = upstreamAt(registry.host)
  let now = 5
  const { url, logged } = await runProxy([own], { own, login: () => LOGIN, now: () => now++ })
  await ask(`${url}/v2/acme/app/blobs/${digest}?X-Secret=canary`)
  expect(logged).toEqual([
    {
      event: 'request',
      workspace: 'default',
      method: 'GET',
      host: registry.host,
      repository: 'acme/app',
      kind: 'blob',
      action: 'pull',
      source: 'vault',
      status: 200,
      bytes: 5,
      ms: expect.any(Number),
    },
  ])
})

test('who speaks TLS to a plain port is answered at once', async () => {
  const { port } = await runProxy([])
  const hello = Buffer.from('160301007a010000760303', 'hex')
  expect(await talk(port, hello)).toMatch(/^HTTP\/1.1 400 /)
})

test('what is under way when the proxy stops may end', async () => {
  let finish = () => {}
  const registry = await fakeRegistry({
    override(_, res) {
      res.writeHead(200, { 'Content-Length': '2' }).write('o')
      finish = () => res.end('k')
      return true
    },
  })
  const own = upstreamAt(registry.host)
  const { url, proxy } = await runProxy([own], { own })
  const answer = ask(`${url}${PATH}`)
  await expect.poll(() => registry.asked.length).toBe(1)
  const closed = proxy.close()
  finish()
  expect((await answer).body.toString()).toBe('ok')
  await closed
  await expect(ask(`${url}${PATH}`)).rejects.toThrow('ECONNREFUSED')
})
