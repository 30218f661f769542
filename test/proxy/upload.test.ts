import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { createServer as createTcpServer } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Secret } from '../../src/model/secret.ts'
import { createDialer } from '../../src/net/dial.ts'
import { createNet } from '../../src/net/undici.ts'
import { createTraffic } from '../../src/proxy/traffic.ts'
import { createTokens } from '../../src/token/tokens.ts'
import { listen, sendJson, stop } from '../fakes/http.ts'
import { digestOf } from '../fakes/registry.ts'
import {
  ask,
  BEARER,
  bearerTokens,
  errorOf,
  fakeRegistry,
  LOGIN,
  type RunOptions,
  runProxy,
  upstreamAt,
} from './harness.ts'

const LAYER = randomBytes(300_000)
const DIGEST = digestOf(LAYER)
const UPLOADS = '/v2/acme/app/blobs/uploads/'

/** A proxy for a registry that answers as it is told. */
async function facing(
  answer: (req: IncomingMessage, res: ServerResponse) => void,
  options: RunOptions = {},
) {
  const server = createServer(answer)
  const port = await listen(server)
  onTestFinished(() => stop(server))
  const own = upstreamAt(`127.0.0.1:${port}`)
  return runProxy([own], { own, ...options })
}

const started = (res: ServerResponse) =>
  void res.writeHead(202, { Location: `${UPLOADS}1?_state=x` }).end()

describe('a mount that the registry refuses is an upload', () => {
  const target = `${UPLOADS}?mount=${DIGEST}&from=acme/base`

  test.each([400, 403, 404, 405])('by %i', async (status) => {
    const asked: string[] = []
    const { url } = await facing(({ url: at = '' }, res) => {
      asked.push(at)
      if (at.includes('mount=')) return void res.writeHead(status).end('denied')
      started(res)
    })
    const answer = await ask(`${url}${target}`, { method: 'POST' })
    expect(answer.status).toBe(202)
    expect(answer.headers.location).toMatch(/^\/v2\/acme\/app\/blobs\/uploads\/[\w-]+$/)
    expect(asked).toEqual([
      `${UPLOADS}?mount=${encodeURIComponent(DIGEST)}&from=acme%2Fbase`,
      UPLOADS,
    ])
  })

  test('by 401, because the token is good for one repository alone', async () => {
    const registry = await fakeRegistry({
      auth: BEARER,
      override(req, res) {
        if (req.url?.includes('mount=') !== true) return false
        res.writeHead(401, { 'WWW-Authenticate': `Bearer realm="${registry.origin}/token"` }).end()
        return true
      },
    })
    const own = upstreamAt(registry.host)
    const { url } = await runProxy([own], { own, login: () => LOGIN, tokens: bearerTokens() })
    expect((await ask(`${url}${target}`, { method: 'POST' })).status).toBe(202)
    expect(registry.tokens.at(-1)).toBe('repository:acme/app:pull,push')
  })

  test('and what refuses both is told by the upload', async () => {
    const { url } = await facing((_, res) => sendJson(res, 403, { errors: [{ code: 'DENIED' }] }))
    const answer = await ask(`${url}${target}`, { method: 'POST' })
    expect([answer.status, JSON.parse(String(answer.body))]).toEqual([
      403,
      { errors: [{ code: 'DENIED' }] },
    ])
  })

  test('but a 429 is a 429', async () => {
    let asked = 0
    const { url } = await facing((_, res) => {
      asked++
      res.writeHead(429, { 'Retry-After': '7' }).end()
    })
    const answer = await ask(`${url}${target}`, { method: 'POST' })
    expect([answer.status, answer.headers['retry-after'], asked]).toEqual([429, '7', 1])
  })
})

test('a token for what takes long has half of its life before it', async () => {
  const registry = await fakeRegistry({ auth: BEARER })
  const own = upstreamAt(registry.host)
  const net = createNet(createDialer({ ca: [], connect: new Map() }))
  onTestFinished(() => net.close())
  const clock = { now: Date.now() }
  const now = () => clock.now
  const tokens = createTokens({ net, now })
  const { url } = await runProxy([own], { own, login: () => LOGIN, net, tokens, now })
  let { headers } = await ask(`${url}${UPLOADS}`, { method: 'POST' })
  const at = () => `${url}${headers.location}`
  expect(registry.tokens).toHaveLength(1)
  // Of 300 s: good for a short request, and too old for one that may take longer.
  clock.now += 160_000
  await ask(at())
  expect(registry.tokens).toHaveLength(1)
  headers = (await ask(at(), { method: 'PATCH', body: LAYER })).headers
  expect(registry.tokens).toHaveLength(2)
  clock.now += 160_000
  const done = await ask(`${at()}?digest=${DIGEST}`, { method: 'PUT' })
  expect([done.status, registry.tokens.length]).toEqual([201, 3])
  expect(registry.asked.filter(({ method }) => method === 'PATCH')).toHaveLength(1)
})

describe('an upload', () => {
  test('in a single POST that the registry does not know goes on with a PUT', async () => {
    const { url } = await facing((req, res) => {
      if (req.method === 'POST') return void req.resume().on('end', () => started(res))
      res.writeHead(req.url?.startsWith(`${UPLOADS}1?_state=x&digest=`) ? 201 : 404).end()
    })
    const target = `${url}${UPLOADS}?digest=${DIGEST}`
    const begun = await ask(target, { method: 'POST', body: LAYER })
    expect(begun.status).toBe(202)
    const end = `${url}${begun.headers.location}?digest=${DIGEST}`
    expect((await ask(end, { method: 'PUT', body: LAYER })).status).toBe(201)
  })

  test('whose registry does not say where it goes on goes on where it was', async () => {
    const { url } = await facing((req, res) => {
      if (req.method === 'POST') return started(res)
      req.resume().on('end', () => res.writeHead(req.method === 'PUT' ? 201 : 202).end())
    })
    const { headers } = await ask(`${url}${UPLOADS}`, { method: 'POST' })
    const at = `${url}${headers.location}`
    const answer = await ask(at, { method: 'PATCH', body: LAYER })
    expect([answer.status, answer.headers.location]).toEqual([202, headers.location])
    expect((await ask(`${at}?digest=${DIGEST}`, { method: 'PUT' })).status).toBe(201)
  })

  test('whose chunk is out of order is told where to go on', async () => {
    const { url } = await facing((req, res) => {
      if (req.method === 'POST') return started(res)
      req.resume()
      res.writeHead(416, { Location: `${UPLOADS}1?_state=y`, Range: '0-9' }).end()
    })
    const { headers } = await ask(`${url}${UPLOADS}`, { method: 'POST' })
    const answer = await ask(`${url}${headers.location}`, { method: 'PATCH', body: 'abc' })
    expect([answer.status, answer.headers.range]).toEqual([416, '0-9'])
    expect(answer.headers.location).toMatch(/^\/v2\/acme\/app\/blobs\/uploads\/[\w-]+$/)
  })
})

/** How an upload of more than all buffers hold ends that never ends by itself. */
async function pushForEver(url: string) {
  const { headers } = await ask(`${url}${UPLOADS}`, { method: 'POST' })
  const req = request(`${url}${headers.location}`, { method: 'PATCH', agent: false })
  onTestFinished(() => void req.destroy())
  let sent = 0
  const chunk = Buffer.alloc(64 * 1024)
  const more = () => {
    while (!req.destroyed) {
      sent += chunk.length
      if (!req.write(chunk)) return
    }
  }
  req.on('drain', more)
  const ended = new Promise<unknown>((resolve) => {
    req.on('error', ({ message }) => resolve(message))
    req.on('response', (res) => {
      req.off('drain', more)
      res.resume().on('end', () => resolve(res.statusCode))
    })
  })
  more()
  return { ended, req, sent: () => sent }
}

async function samplesOf(traffic: ReturnType<typeof createTraffic>, name: string) {
  const family = traffic.families.find((each) => each.name === `purser_proxy_${name}`)
  return [...(family?.samples() ?? [])].map(({ value }) => value)
}

describe('amid an upload', () => {
  test.each([401, 413, 500])('a registry that answers %i is heard at once', async (status) => {
    const { url } = await facing((req, res) => {
      if (req.method === 'POST') return started(res)
      // It reads a part, answers, and reads no more.
      req.once('data', () => {
        req.pause()
        res.writeHead(status).end('enough')
      })
    })
    const { ended } = await pushForEver(url)
    expect(await ended).toBe(status)
  })

  test('a registry that hangs up is told as one, and the upload is counted', async () => {
    const traffic = createTraffic()
    const { url } = await facing(
      (req, res) => {
        if (req.method === 'POST') return started(res)
        req.once('data', () => req.socket.destroy())
      },
      { traffic },
    )
    const { ended } = await pushForEver(url)
    expect(await ended).toBe(502)
    await expect.poll(() => samplesOf(traffic, 'uploads_aborted_total')).toEqual([1])
  })

  test('a client that goes takes the registry’s side with it, and is counted', async () => {
    const traffic = createTraffic()
    const arrived = Promise.withResolvers<void>()
    const gone = Promise.withResolvers<void>()
    const { url } = await facing(
      (req, res) => {
        if (req.method === 'POST') return started(res)
        req.once('data', () => arrived.resolve())
        req.once('close', gone.resolve)
      },
      { traffic },
    )
    const { req } = await pushForEver(url)
    await arrived.promise
    req.destroy()
    await gone.promise
    await expect.poll(() => samplesOf(traffic, 'uploads_aborted_total')).toEqual([1])
  })

  test('a registry that reads nothing holds the client back, and both are let go', async () => {
    const sockets: Socket[] = []
    const server = createTcpServer((socket) => {
      socket.on('error', () => {})
      sockets.push(socket)
      socket.once('data', (chunk) => {
        if (!String(chunk).startsWith('POST')) return void socket.pause()
        const head = 'HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n'
        socket.end(`${head}Location: ${UPLOADS}1\r\n\r\n`)
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => {
      server.close()
      for (const socket of sockets) socket.destroy()
    })
    const address = server.address()
    const own = upstreamAt(`127.0.0.1:${typeof address === 'object' ? address?.port : 0}`)
    const { url, logged } = await runProxy([own], { own, stallTimeoutMs: 200 })
    const { ended, sent } = await pushForEver(url)
    expect(await ended).toMatch(/socket hang up|ECONNRESET/)
    expect(sent()).toBeLessThan(64 * 1024 * 1024)
    await expect.poll(() => logged.at(-1)).toMatchObject({ broken: true })
    const upload = sockets.at(-1)
    upload?.resume()
    await expect.poll(() => upload?.destroyed).toBe(true)
  })
})

test('a body that is lost to a token that ended is asked for again', async () => {
  let granted = 0
  const { url } = await facing(
    (req, res) => {
      if (req.method === 'POST') return started(res)
      req.resume().on('end', () => res.writeHead(401).end())
    },
    {
      login: () => LOGIN,
      tokens: {
        authorizationFor: async () => new Secret(`Bearer ${granted}`),
        refused: () => void granted++,
      },
    },
  )
  const { headers } = await ask(`${url}${UPLOADS}`, { method: 'POST' })
  const answer = await ask(`${url}${headers.location}`, { method: 'PATCH', body: LAYER })
  expect([answer.status, errorOf(answer).code, granted]).toEqual([503, 'UNKNOWN', 1])
})
