import { createServer, type RequestListener } from 'node:http'
import { onTestFinished } from 'vitest'
import { parseHost } from '../../src/model/host.ts'
import { staticLogin } from '../../src/model/login.ts'
import { createDialer } from '../../src/net/dial.ts'
import { exchangeJson } from '../../src/net/exchange.ts'
import { createNet } from '../../src/net/undici.ts'
import { basicHeader } from '../../src/token/basic.ts'
import { fetchToken } from '../../src/token/exchange.ts'
import { createProbe } from '../../src/token/probe.ts'
import { approveRealm } from '../../src/token/realm.ts'
import { testAuthority } from '../fakes/certificates.ts'
import { listen, stop } from '../fakes/http.ts'
import { endlessBody } from '../fakes/token-server.ts'
import type { Provocation, Provocations } from './stage.ts'

const signal = () => AbortSignal.timeout(10_000)
const upstream = (host: string) => ({ host: parseHost(host), tls: false, realms: [] })

function openNet(connect: ReadonlyMap<string, string> = new Map(), connectTimeoutMs = 10_000) {
  const net = createNet(createDialer({ ca: [], connect, connectTimeoutMs }))
  onTestFinished(() => net.close())
  return net
}

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  const port = await listen(server)
  onTestFinished(() => stop(server))
  return `127.0.0.1:${port}`
}

/** What a token service that does this is told as. */
const tokenFrom =
  (listener: RequestListener, login = staticLogin('joe', 'S3CRET')): Provocation =>
  async () => {
    const url = new URL(`http://${await serve(listener)}/token`)
    const question = {
      upstream: upstream('reg.example'),
      realm: { url, allowPrivate: true, isKnown: true },
      service: 'reg',
      scopes: ['repository:acme/app:pull'],
      login: login.username === '' ? undefined : login,
    }
    return fetchToken(question, { net: openNet(), signal: signal() })
  }

/** What a registry that does this is told as, when it is asked how to log in. */
const probing =
  (listener: RequestListener): Provocation =>
  async () => {
    const host = await serve(listener)
    return createProbe({ net: openNet(), now: Date.now }).schemeOf(upstream(host), signal())
  }

const answer =
  (status: number, text: string): RequestListener =>
  (_, res) =>
    void res.writeHead(status).end(text)

/** What registries and their token services are refused with, and who does not reach them. */
export const TOKEN: Provocations = {
  'a token service refuses': tokenFrom(answer(401, '{"details":"S3CRET"}')),
  'a token service refuses nobody': tokenFrom(answer(401, '{}'), staticLogin('', '')),
  'a token service has no token': tokenFrom(answer(200, '{}')),
  'a token service leads elsewhere': tokenFrom((_, res) =>
    res.writeHead(302, { location: 'https://evil.example/' }).end(),
  ),
  'a token service is in trouble': tokenFrom(answer(503, '')),
  'a token service speaks HTML': tokenFrom(answer(200, '<html>')),
  'a token service comes to no end': tokenFrom(endlessBody({ bytes: 0 })),
  'a token service hangs up': tokenFrom((req) => void req.socket.destroy()),
  'a token service is slow': async () => {
    const url = new URL(`http://${await serve(() => undefined)}/token?service=reg`)
    const request = { method: 'GET', url, headers: {} } as const
    return exchangeJson(openNet().upstream, request, { signal: signal(), timeoutMs: 50 })
  },
  'a token service is elsewhere': () => approveRealm(upstream('ghcr.io'), 'https://evil.example/t'),
  'a token service is in the clear': () => approveRealm(upstream('ghcr.io'), 'http://ghcr.io:8/t'),
  'a token service is no URL': () => approveRealm(upstream('ghcr.io'), 'https://ghcr.io@evil/t'),
  'a token service is at a private address': async () => {
    const url = new URL('https://10.1.2.3/token')
    const request = { method: 'GET', url, headers: {} } as const
    const dispatcher = openNet().realm({ allowPrivate: false })
    return exchangeJson(dispatcher, request, { signal: signal() })
  },
  'a user name has a colon': () => basicHeader(parseHost('ghcr.io'), staticLogin('a:b', 'c')),
  'a password is wanted': () => basicHeader(parseHost('ghcr.io'), staticLogin('<token>', 'c')),
  'a registry is not there': () =>
    createProbe({ net: openNet(), now: Date.now }).schemeOf(upstream('127.0.0.1:9'), signal()),
  'a registry is none': probing(answer(404, '')),
  'a registry asks for what nobody has': probing((_, res) =>
    res.writeHead(401, { 'www-authenticate': 'Negotiate' }).end(),
  ),
  'a registry’s certificate is not trusted': async () => {
    const { createServer: createSecure } = await import('node:https')
    const server = createSecure(testAuthority().certificateFor('reg.example'))
    const port = await listen(server)
    onTestFinished(() => stop(server))
    const net = openNet(new Map([['reg.example:443', `127.0.0.1:${port}`]]))
    const secure = { ...upstream('reg.example'), tls: true }
    return createProbe({ net, now: Date.now }).schemeOf(secure, signal())
  },
  'a registry speaks no TLS': async () => {
    const place = await serve(answer(200, ''))
    const net = openNet(new Map([['reg.example:443', place]]))
    const secure = { ...upstream('reg.example'), tls: true }
    return createProbe({ net, now: Date.now }).schemeOf(secure, signal())
  },
  'a registry does not greet': async () => {
    const { createServer: createSilent } = await import('node:net')
    const server = createSilent(() => undefined)
    const port = await new Promise<number>((done) => {
      server.listen(0, '127.0.0.1', () => {
        const address = server.address()
        done(typeof address === 'object' && address !== null ? address.port : 0)
      })
    })
    onTestFinished(() => void server.close())
    const net = openNet(new Map([['reg.example:443', `127.0.0.1:${port}`]]), 100)
    const secure = { ...upstream('reg.example'), tls: true }
    return createProbe({ net, now: Date.now }).schemeOf(secure, signal())
  },
}
