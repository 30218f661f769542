import { randomUUID } from 'node:crypto'
import { type IncomingMessage, request, type ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { testAuthority } from './certificates.ts'
import { fail, sendJson, stop } from './http.ts'

/** A registry by the name that the world knows, and how it asks for a login. */
export interface KnownRegistry {
  /** As users write it. */
  readonly host: string
  /** Where its API is; Docker Hub's is elsewhere. */
  readonly apiHost: string
  /** Its own words after `WWW-Authenticate:`; a Bearer's without scope. */
  readonly challenge: string
  /** Whether it names the scope that it wants: NGC does not. */
  readonly namesScope: boolean
  /** The one login that gets in, as `user:password`. */
  readonly login: string
}

/** What came to a front for one registry. */
interface Arrived {
  /** The right login, a request each: at the API for Basic, at the token service for Bearer. */
  readonly logins: number
  /** Every other Authorization; passwords of strangers, and ours where they do not belong. */
  readonly strangers: readonly string[]
}

/** Stands on port 443 where all these registries are, by TLS, before one that asks for no login. */
export interface Front {
  /** A loopback address of its own. */
  readonly address: string
  /** Every name that it answers to. */
  readonly names: readonly string[]
  arrived(host: string): Arrived
  close(): Promise<void>
}

interface Tally {
  logins: number
  readonly strangers: string[]
  /** The scopes of each token that was given. */
  readonly tokens: Map<string, readonly string[]>
}

/** @param behind `host:port` of the registry behind, in plain http */
export async function startFront(
  registries: readonly KnownRegistry[],
  behind: string,
): Promise<Front> {
  const tallies = new Map(registries.map(({ host }) => [host, emptyTally()]))
  const tallyOf = (host: string) => tallies.get(host) ?? emptyTally()
  const names = [...new Set(registries.flatMap(namesOf))]
  const [first = 'localhost', ...rest] = names

  function answer(req: IncomingMessage, res: ServerResponse): void {
    const url = new URL(req.url ?? '/', `https://${req.headers.host}`)
    const service = registries.find((each) => isTokenService(each, url))
    const registry = registries.find(({ apiHost }) => apiHost === url.host)
    if (service !== undefined) giveToken(service, req, res, url)
    else if (registry === undefined) fail(res, 421, 'DENIED')
    else if (mayEnter(registry, req, url)) pass(req, res, behind)
    else challenge(registry, req, res, url)
  }

  function giveToken(
    registry: KnownRegistry,
    req: IncomingMessage,
    res: ServerResponse,
    url: URL,
  ): void {
    const tally = tallyOf(registry.host)
    if (!isLogin(registry, req)) {
      tally.strangers.push(req.headers.authorization ?? 'nobody')
      fail(res, 401, 'UNAUTHORIZED')
      return
    }
    tally.logins += 1
    const token = randomUUID()
    tally.tokens.set(token, url.searchParams.getAll('scope'))
    sendJson(res, 200, { token, expires_in: 300 })
  }

  function mayEnter(registry: KnownRegistry, req: IncomingMessage, url: URL): boolean {
    const tally = tallyOf(registry.host)
    const { authorization } = req.headers
    if (authorization === undefined) return false
    if (realmOf(registry) === undefined && isLogin(registry, req)) {
      tally.logins += 1
      return true
    }
    const scopes = tally.tokens.get(authorization.replace(/^Bearer /, ''))
    if (scopes === undefined) tally.strangers.push(authorization)
    return scopes?.some((scope) => covers(scope, scopeOf(url))) === true
  }

  const server = createServer(testAuthority().certificateFor(first, ...rest), answer)
  const address = await listenOnHttpsPort(server)
  return {
    address,
    names,
    arrived: (host) => tallyOf(host),
    close: () => stop(server),
  }
}

function emptyTally(): Tally {
  return { logins: 0, strangers: [], tokens: new Map() }
}

function realmOf({ challenge }: KnownRegistry): URL | undefined {
  const realm = /^Bearer realm="([^"]+)"/.exec(challenge)?.[1]
  return realm === undefined ? undefined : new URL(realm)
}

function namesOf(registry: KnownRegistry): readonly string[] {
  return [registry.apiHost, realmOf(registry)?.host ?? registry.apiHost]
}

function isTokenService(registry: KnownRegistry, { host, pathname }: URL): boolean {
  const realm = realmOf(registry)
  return realm?.host === host && realm.pathname === pathname
}

function isLogin({ login }: KnownRegistry, req: IncomingMessage): boolean {
  return req.headers.authorization === `Basic ${Buffer.from(login).toString('base64')}`
}

/** `repository:NAME`, or nothing for `/v2/`. */
function scopeOf({ pathname }: URL): string | undefined {
  const name = /^\/v2\/(.+?)\/(?:blobs|manifests|tags|referrers)\//.exec(pathname)?.[1]
  return name === undefined ? undefined : `repository:${name}`
}

function covers(scope: string, wanted: string | undefined): boolean {
  return wanted === undefined || scope.startsWith(`${wanted}:`)
}

function challenge(
  registry: KnownRegistry,
  req: IncomingMessage,
  res: ServerResponse,
  url: URL,
): void {
  const wanted = scopeOf(url)
  const actions = req.method === 'GET' || req.method === 'HEAD' ? 'pull' : 'pull,push'
  const scope = registry.namesScope && wanted !== undefined ? `,scope="${wanted}:${actions}"` : ''
  res.setHeader('WWW-Authenticate', `${registry.challenge}${scope}`)
  fail(res, 401, 'UNAUTHORIZED')
}

function pass(req: IncomingMessage, res: ServerResponse, behind: string): void {
  const [hostname = '', port = ''] = behind.split(':')
  const { authorization: _, ...headers } = req.headers
  const onward = request({
    hostname,
    port: Number(port),
    path: req.url,
    method: req.method,
    // By this the registry makes absolute Locations of its true name, as the real ones do.
    headers: { ...headers, 'x-forwarded-proto': 'https' },
  })
  onward.on('response', (answer) => {
    res.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(res)
  })
  onward.on('error', () => res.destroy())
  res.on('close', () => onward.destroy())
  req.pipe(onward)
}

/** Each front has a loopback address of its own, since each wants the port that https names. */
async function listenOnHttpsPort(server: ReturnType<typeof createServer>): Promise<string> {
  const [a, b, c] = crypto.getRandomValues(new Uint8Array(3))
  const address = `127.${64 + ((a ?? 0) % 64)}.${b}.${1 + ((c ?? 0) % 254)}`
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(443, address, resolve)
  })
  return address
}
