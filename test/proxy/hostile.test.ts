import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { connect } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createDialer } from '../../src/net/dial.ts'
import { createNet } from '../../src/net/undici.ts'
import { createTokens } from '../../src/token/tokens.ts'
import { testAuthority } from '../fakes/certificates.ts'
import { listen, sendJson, stop } from '../fakes/http.ts'
import {
  endlessBody,
  type Misbehaviour,
  speakForEver,
  startTokenServer,
} from '../fakes/token-server.ts'
import { ask, errorOf, LOGIN, runProxy, talk, upstreamAt } from './harness.ts'

const HOST = 'registry.test'
const PULL = '/v2/acme/app/manifests/v1'
const UPLOADS = '/v2/acme/app/blobs/uploads/'

type Answer = (req: IncomingMessage, res: ServerResponse) => void

interface Stage {
  /** What the registry says to whoever has no token. */
  readonly challenge?: string
  /** What it says beside. Default: nothing. */
  readonly chatter?: (res: ServerResponse) => void
  /** What it says to whoever has one. */
  readonly answer?: Answer
  /** Where names lead that are not the registry's own. */
  readonly addresses?: Readonly<Record<string, string>>
  readonly realms?: readonly string[]
}

/** A registry with a name and a certificate, whoever it is, and a proxy that has a login for it. */
async function stage({ challenge = '', chatter, answer, addresses = {}, realms = [] }: Stage) {
  const authority = testAuthority()
  const seen: string[] = []
  const resolved: string[] = []
  const server = createServer(authority.certificateFor(HOST), (req, res) => {
    const { authorization = 'nobody' } = req.headers
    seen.push(`${req.method} ${req.url} ${authorization.split(' ')[0]}`)
    if (authorization === 'nobody' && challenge !== '') {
      res.setHeader('WWW-Authenticate', challenge.replaceAll('SELF', `https://${HOST}`))
      res.writeHead(401)
      return chatter === undefined ? void res.end() : chatter(res)
    }
    if (answer !== undefined && req.url !== '/v2/') return answer(req, res)
    res.writeHead(200, { 'Content-Length': 2 }).end('ok')
  })
  const port = await listen(server)
  const resolve = (hostname: string, ...rest: unknown[]) => {
    resolved.push(hostname)
    const done = rest.at(-1) as (error: Error | null, found: readonly object[]) => void
    const address = addresses[hostname]
    if (address === undefined) return done(new Error(`no ${hostname}`), [])
    done(null, [{ address, family: 4 }])
  }
  const connect = new Map([[`${HOST}:443`, `127.0.0.1:${port}`]])
  const dialer = createDialer({ ca: [authority.ca], connect, resolve: resolve as never })
  const net = createNet(dialer)
  onTestFinished(async () => {
    await net.close()
    await stop(server)
  })
  const own = upstreamAt(HOST, { tls: true, realms })
  const tokens = createTokens({ net, now: Date.now })
  const proxy = await runProxy([own], { own, net, tokens, login: () => LOGIN })
  return { ...proxy, seen, resolved, pull: () => ask(`${proxy.url}${PULL}`) }
}

const bearer = (realm: string) => `Bearer realm="${realm}",service="s"`

describe('a realm', () => {
  test.each([
    ['at another host', 'https://evil.test/token', 'it is not known to be its token service'],
    ['at a host whose name begins alike', `https://${HOST}.evil.test/token`, 'it is not known'],
    ['at the metadata service', 'https://169.254.169.254/latest', 'it is not known'],
    ['at loopback', 'https://127.0.0.1/token', 'it is not known'],
    ['in plain http', `http://${HOST}/token`, 'it is not https'],
    ['in plain http at the metadata service', 'http://169.254.169.254/', 'it is not https'],
    ['with a user', `https://${HOST}@evil.test/token`, 'it is not a plain http or https URL'],
    ['of another scheme', 'file:///etc/passwd', 'it is not a plain http or https URL'],
  ])('%s gets no credential', async (_, realm, why) => {
    const { pull, seen, resolved } = await stage({ challenge: bearer(realm) })
    const answer = await pull()
    expect(answer.status).toBe(502)
    expect(errorOf(answer).message).toContain(`refused to send a credential of ${HOST}`)
    expect(errorOf(answer).message).toContain(why)
    expect(seen).toEqual(['GET /v2/ nobody'])
    expect(resolved).toEqual([])
  })

  test.each([
    ['the metadata service', '169.254.169.254'],
    ['this machine', '127.0.0.1'],
    ['this network', '10.0.0.7'],
    ["Azure's wire server", '168.63.129.16'],
  ])('whose name leads to %s is not dialled, each time anew', async (_, address) => {
    const realm = `https://${HOST}:8443/token`
    const { pull, resolved, seen } = await stage({
      challenge: bearer(realm),
      addresses: { [HOST]: address },
    })
    for (let i = 1; i <= 2; i++) {
      const answer = await pull()
      expect(answer.status).toBe(502)
      expect(errorOf(answer).message).toContain(`${HOST} at ${address}: not a public address`)
      // Nothing is remembered of a name: it may lead elsewhere the next time.
      expect(resolved).toHaveLength(i)
    }
    expect(seen).toEqual(['GET /v2/ nobody'])
  })

  test('at a name of the same owner that leads to the metadata service is not dialled', async () => {
    const { pull, seen } = await stage({
      challenge: bearer(`https://auth.${HOST}/token`),
      addresses: { [`auth.${HOST}`]: '169.254.169.254' },
    })
    expect(errorOf(await pull()).message).toContain(
      `auth.${HOST} at 169.254.169.254: not a public address`,
    )
    expect(seen).toEqual(['GET /v2/ nobody'])
  })

  test('that the registry moves later gets none either', async () => {
    const { pull, resolved } = await stage({
      challenge: bearer('SELF/token'),
      answer(req, res) {
        if (req.url?.startsWith('/token')) return sendJson(res, 200, { token: 't' })
        const moved = bearer('https://evil.test/token')
        res.writeHead(401, { 'WWW-Authenticate': moved }).end()
      },
    })
    const answer = await pull()
    expect(answer.status).toBe(502)
    expect(errorOf(answer).message).toContain('refused to send a credential')
    expect(resolved).toEqual([])
  })
})

/** Token services of the operator's own choice, which he should not have trusted. */
async function tokenService(misbehave: Misbehaviour) {
  const service = await startTokenServer()
  service.misbehave(misbehave)
  onTestFinished(() => service.close())
  const { origin } = new URL(service.realm)
  return { service, stage: { challenge: bearer(service.realm), realms: [origin] } }
}

describe('a token service', () => {
  test.each(['http://169.254.169.254/latest/meta-data', 'https://evil.test/token', '/elsewhere'])(
    'that redirects to %s is not followed',
    async (location) => {
      const { service, stage: on } = await tokenService((_, res) =>
        res.writeHead(307, { Location: location }).end(),
      )
      const { pull, resolved } = await stage(on)
      const answer = await pull()
      expect(answer.status).toBe(401)
      expect(errorOf(answer).message).toContain('redirects are not followed')
      expect([service.asked.length, resolved]).toEqual([1, []])
    },
  )

  test('that sends a gigabyte is hung up on', async () => {
    const sent = { bytes: 0 }
    const { stage: on } = await tokenService(endlessBody(sent))
    const answer = await (await stage(on)).pull()
    expect(errorOf(answer).message).toContain('an answer of more than 128 KiB')
    // What sockets hold on the way, and no more of it.
    expect(sent.bytes).toBeLessThan(32 * 1024 * 1024)
  })

  test('that sends a megabyte of headers is too', async () => {
    const { stage: on } = await tokenService((_, res) => {
      res.writeHead(200, { 'X-Much': 'a'.repeat(1024 * 1024) }).end('{"token":"t"}')
    })
    const answer = await (await stage(on)).pull()
    expect(answer.status).toBe(502)
    expect(errorOf(answer).message).toMatch(/^purser: cannot log in|^purser: GET/)
  })

  test('that says nothing holds nobody else', async () => {
    const { service, stage: on } = await tokenService(() => {})
    const { url, pull } = await stage(on)
    const answer = pull()
    await expect.poll(() => service.asked.length).toBe(1)
    for (let i = 0; i < 3; i++) expect((await ask(`${url}/livez`)).status).toBe(200)
    // One question for all who wait.
    const other = pull()
    await ask(`${url}/livez`)
    expect(service.asked).toHaveLength(1)
    service.misbehave(undefined)
    await service.close()
    expect((await answer).status).toBe(502)
    expect((await other).status).toBe(502)
  })
})

describe('a registry', () => {
  test.each([
    'https://evil.test/v2/acme/app/blobs/uploads/1',
    `https://${HOST}:8443/upload`,
    `http://${HOST}/upload`,
    '//evil.test/upload',
    'http://169.254.169.254/upload',
    'file:///etc/passwd',
  ])('that has an upload go on at %s is refused', async (location) => {
    const { url, resolved } = await stage({
      answer: (_, res) => void res.writeHead(202, { Location: location }).end(),
    })
    const answer = await ask(`${url}${UPLOADS}`, { method: 'POST' })
    expect([answer.status, errorOf(answer).code]).toEqual([502, 'BLOB_UPLOAD_INVALID'])
    expect(resolved).toEqual([])
  })

  test.each([301, 302, 307, 308])('that redirects an upload by %i is refused', async (status) => {
    const { url, seen, resolved } = await stage({
      answer(req, res) {
        const location = req.method === 'POST' ? `${UPLOADS}1` : 'https://evil.test/upload'
        res.writeHead(req.method === 'POST' ? 202 : status, { Location: location }).end()
      },
    })
    const { headers } = await ask(`${url}${UPLOADS}`, { method: 'POST' })
    const answer = await ask(`${url}${headers.location}`, { method: 'PATCH', body: 'layer' })
    expect(answer.status).toBe(502)
    expect(errorOf(answer).message).toContain('redirected a PATCH, which is refused')
    expect(seen.map((each) => each.split(' ')[0])).toEqual(['GET', 'POST', 'PATCH'])
    expect(resolved).toEqual([])
  })

  test('that sends a megabyte of headers is hung up on, and asked anew', async () => {
    let asked = 0
    const { pull } = await stage({
      answer(req, res) {
        if (req.url === PULL && asked++ === 0) res.setHeader('X-Much', 'a'.repeat(1024 * 1024))
        res.writeHead(200, { 'Content-Length': 2 }).end('ok')
      },
    })
    const answer = await pull()
    expect([answer.status, errorOf(answer).message]).toEqual([
      502,
      `purser: no answer from ${HOST}: UND_ERR_HEADERS_OVERFLOW`,
    ])
    expect(String((await pull()).body)).toBe('ok')
  })

  test('that says a gigabyte with its challenge is not heard out', async () => {
    const sent = { bytes: 0 }
    const { pull } = await stage({
      challenge: bearer('SELF/token'),
      chatter: (res) => speakForEver(res, sent),
      answer: (req, res) => sendJson(res, 200, req.url?.startsWith('/token') ? { token: 't' } : {}),
    })
    expect((await pull()).status).toBe(200)
    expect(sent.bytes).toBeGreaterThan(0)
    expect(sent.bytes).toBeLessThan(32 * 1024 * 1024)
  })

  test.each([400, 401, 403])('nor with its %i', async (status) => {
    const sent = { bytes: 0 }
    const { port } = await stage({
      answer(_, res) {
        res.writeHead(status)
        speakForEver(res, sent)
      },
    })
    const socket = connect(port, '127.0.0.1')
    socket.write(`GET ${PULL} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    // What is not ours to judge passes, as far as the client reads it.
    const [first] = await once(socket, 'data')
    socket.destroy()
    expect(String(first)).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(sent.bytes).toBeGreaterThan(0)
    expect(sent.bytes).toBeLessThan(32 * 1024 * 1024)
  })

  test('that challenges by a hundred kilobytes asks for nothing that is known', async () => {
    const { pull, resolved } = await stage({
      challenge: `${bearer('https://evil.test/token')},x="${'a'.repeat(100_000)}"`,
    })
    const answer = await pull()
    expect([answer.status, resolved]).toEqual([401, []])
  })
})

test('a client that sends a megabyte of headers is refused', async () => {
  const { port } = await stage({})
  const much = `GET ${PULL} HTTP/1.1\r\nHost: localhost\r\nX-Much: ${'a'.repeat(1024 * 1024)}\r\n\r\n`
  const answer = await talk(port, much).catch(() => 'HTTP/1.1 431 reset')
  expect(answer).toMatch(/^HTTP\/1.1 431 /)
})
