import { createHash, createPublicKey, randomUUID, sign } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { testAuthority } from '../fakes/certificates.ts'

/** A server that gives registry tokens to its one user, as the one of Docker Hub or Harbor does. */
export interface TokenServer {
  readonly origin: string
  readonly issuer: string
  readonly service: string
  /** The certificate whose key signs, for the registry to trust. */
  readonly certFile: string
  /** Every user who came for a token, right or wrong; an identity token comes as `<token>`. */
  readonly accounts: () => readonly string[]
}

/** Who may log in, with what, and whether a login is answered with an identity token. */
export interface TokenServerOptions {
  readonly user: string
  readonly password: string
  readonly identityTokens: boolean
  /** Whether anybody may pull, who says nothing of who it is. */
  readonly isPublic: boolean
}

/** What a token lets its holder do in one repository. */
interface Grant {
  readonly type: string
  readonly name: string
  readonly actions: readonly string[]
}

const ISSUER = 'purser tests'
const SERVICE = 'registry'

/** Longer than any test; shorter than what a cache would keep from one run to the next. */
const TOKEN_SECONDS = 300

/**
 * Starts the server on a free port of 127.0.0.1, until `stack` is disposed of.
 *
 * @see https://distribution.github.io/distribution/spec/auth/token/
 * @see https://distribution.github.io/distribution/spec/auth/oauth/
 */
export async function startTokenServer(
  stack: AsyncDisposableStack,
  options: TokenServerOptions,
): Promise<TokenServer> {
  const signer = testAuthority('purser token server').certificateFor('token.test')
  const accounts: string[] = []
  const identityTokens = new Set<string>()

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = await parseTokenRequest(request)
    accounts.push(asked.user)
    const known =
      (asked.user === options.user && asked.secret === options.password) ||
      (asked.user === '<token>' && identityTokens.has(asked.secret))
    const isAnybody = options.isPublic && asked.user === ''
    if (!known && !isAnybody) {
      response.writeHead(401, { 'content-type': 'application/json' }).end('{"details":"denied"}')
      return
    }
    const wanted = asked.scopes.flatMap(parseScope)
    const granted = known ? wanted : wanted.map((each) => ({ ...each, actions: ['pull'] }))
    const token = makeToken(signer.key, asked.user, granted)
    const offline = asked.offline && options.identityTokens
    const identity = offline ? { refresh_token: randomUUID() } : {}
    if (identity.refresh_token !== undefined) identityTokens.add(identity.refresh_token)
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ token, access_token: token, expires_in: TOKEN_SECONDS, ...identity }))
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(error as Error))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stack.defer(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    issuer: ISSUER,
    service: SERVICE,
    certFile: signer.certFile,
    accounts: () => accounts,
  }
}

interface TokenRequest {
  readonly user: string
  readonly secret: string
  readonly scopes: readonly string[]
  readonly offline: boolean
}

/** GET carries the login in its header, POST in its form. */
async function parseTokenRequest(request: IncomingMessage): Promise<TokenRequest> {
  if (request.method === 'POST') {
    const form = new URLSearchParams(await text(request))
    const refresh = form.get('refresh_token')
    return {
      user: refresh === null ? (form.get('username') ?? '') : '<token>',
      secret: refresh ?? form.get('password') ?? '',
      scopes: (form.get('scope') ?? '').split(' '),
      offline: form.get('access_type') === 'offline',
    }
  }
  const { searchParams } = new URL(request.url ?? '/', 'http://token.test')
  const basic = /^Basic (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? ''
  const [user = '', ...secret] = Buffer.from(basic, 'base64').toString('utf8').split(':')
  return {
    user,
    secret: secret.join(':'),
    scopes: searchParams.getAll('scope').flatMap((scope) => scope.split(' ')),
    offline: searchParams.get('offline_token') === 'true',
  }
}

/** `repository:a/b:pull,push`: nothing in it that would need a host or a class is asked for here. */
function parseScope(scope: string): Grant[] {
  const [type, name, actions] = scope.split(':')
  if (type === undefined || name === undefined || actions === undefined) return []
  return [{ type, name, actions: actions.split(',') }]
}

/** @see https://distribution.github.io/distribution/spec/auth/jwt/ */
function makeToken(key: string, subject: string, access: readonly Grant[]): string {
  const now = Math.floor(Date.now() / 1000)
  const header = { typ: 'JWT', alg: 'ES256', kid: keyId(key) }
  const claims = {
    iss: ISSUER,
    sub: subject,
    aud: SERVICE,
    // The registry's clock and ours are one, but its seconds may be cut another way.
    nbf: now - 10,
    iat: now,
    exp: now + TOKEN_SECONDS,
    jti: randomUUID(),
    access,
  }
  const signed = `${base64url(header)}.${base64url(claims)}`
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' })
  return `${signed}.${signature.toString('base64url')}`
}

function base64url(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/**
 * How the registry names the keys that it trusts: the first 240 bits of the public key's SHA-256,
 * in base 32, by fours.
 *
 * @see https://github.com/docker/libtrust/blob/master/util.go `keyIDFromCryptoKey`
 */
function keyId(key: string): string {
  const der = createPublicKey(key).export({ type: 'spki', format: 'der' })
  const bits = [...createHash('sha256').update(der).digest().subarray(0, 30)]
    .map((byte) => byte.toString(2).padStart(8, '0'))
    .join('')
  const letters = (bits.match(/.{5}/g) ?? []).map((five) => BASE32.charAt(Number.parseInt(five, 2)))
  return (letters.join('').match(/.{4}/g) ?? []).join(':')
}
