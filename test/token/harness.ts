import { createServer } from 'node:http'
import { onTestFinished } from 'vitest'
import { parseHost } from '../../src/model/host.ts'
import { staticLogin } from '../../src/model/login.ts'
import { createDialer } from '../../src/net/dial.ts'
import { createNet } from '../../src/net/undici.ts'
import { createTokens, type Tokens } from '../../src/token/tokens.ts'
import { listen, stop } from '../fakes/http.ts'
import { startTokenServer, type TokenServerOptions } from '../fakes/token-server.ts'

export const JOE = staticLogin('joe', 'pass')
export const PULL = ['repository:acme/app:pull']
export const PUSH = ['repository:acme/app:pull,push']
export const START = Date.UTC(2026, 10, 20, 12)

interface Options {
  /** The registry's WWW-Authenticate headers, of which REALM is the token service's. */
  readonly challenges?: readonly string[]
  readonly status?: number
  readonly service?: TokenServerOptions
}

const BEARER = 'Bearer realm="REALM",service="reg",scope="repository:user/image:pull"'

/** A registry with a token service, a client of both, and a clock. */
export async function setUp({ challenges = [BEARER], status = 401, service = {} }: Options = {}) {
  const tokenServer = await startTokenServer({
    user: { username: 'joe', password: 'pass' },
    ...service,
  })
  const probes: string[] = []
  let said = { status, challenges }
  const registry = createServer((req, res) => {
    probes.push(`${req.method} ${req.url} ${req.headers.authorization}`)
    const headers = said.challenges.map((each) => each.replace('REALM', tokenServer.realm))
    if (headers.length > 0) res.setHeader('WWW-Authenticate', headers)
    res.writeHead(said.status).end()
  })
  const port = await listen(registry)
  const net = createNet(createDialer({ ca: [], connect: new Map() }))
  onTestFinished(async () => {
    await net.close()
    await tokenServer.close()
    await stop(registry)
  })
  // Both in one, where nobody sets the clock of the wall.
  const clock = { now: START, set: 0 }
  const seen: string[] = []
  const tokens = createTokens({
    net,
    now: () => clock.now + clock.set,
    uptime: () => clock.now - START,
    seen: (_, outcome) => void seen.push(outcome),
  })
  const upstream = {
    host: parseHost(`127.0.0.1:${port}`),
    tls: false,
    realms: [new URL(tokenServer.realm).origin],
  }
  const ask = (more: Partial<Parameters<Tokens['authorizationFor']>[0]> = {}) =>
    tokens.authorizationFor({
      upstream,
      login: JOE,
      scopes: PULL,
      signal: AbortSignal.timeout(20_000),
      ...more,
    })
  return {
    tokens,
    upstream,
    clock,
    seen,
    probes,
    tokenServer,
    port,
    ask,
    /** The header in plain. */
    header: async (more: Parameters<typeof ask>[0] = {}) => (await ask(more))?.reveal(),
    say: (next: typeof said) => {
      said = next
    },
  }
}

export const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )
