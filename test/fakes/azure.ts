import { randomUUID } from 'node:crypto'
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttps } from 'node:https'
import { testAuthority } from './certificates.ts'
import { fail, listen, read, sendJson, stop } from './http.ts'
import type { Misbehaviour } from './token-server.ts'

/** Microsoft's services, each by what it gives. */
export type AzureService = 'entra' | 'exchange' | 'token' | 'metadata' | 'app' | 'registry'

/** What one of them was asked. */
interface AzureCall {
  readonly service: AzureService
  readonly method: string
  readonly host: string
  readonly path: string
  /** Of a query or a form. */
  readonly params: Readonly<Record<string, string>>
  readonly headers: IncomingMessage['headers']
}

export interface AzureOptions {
  /** Every authority and registry that this server is. */
  readonly names: readonly [string, ...string[]]
  readonly tenantId: string
  readonly clientId: string
  readonly clientSecret: string
  /** The federated token that the application trusts. */
  readonly assertion?: string
  /** The client ids of the machine's managed identities; the first is the system's own. */
  readonly managed?: readonly string[]
  /** The secret of the app's own endpoint. */
  readonly identityHeader?: string
  /** Milliseconds since the epoch, by Microsoft's clock. */
  readonly now: () => number
  /** How long a refresh token lives. Default: three hours. */
  readonly lifeMs?: number
}

/** Microsoft Entra, Azure's registries and its metadata service, on loopback. */
export interface Azure {
  readonly ca: string
  /** For `connect` of a dialer: true names to this server. */
  readonly connect: ReadonlyMap<string, string>
  /** What the platform of an app would set as `IDENTITY_ENDPOINT`. */
  readonly identityEndpoint: string
  readonly calls: readonly AzureCall[]
  /** The refresh tokens that registries gave, the last one last. */
  readonly refreshTokens: readonly string[]
  /** Does something else for the next questions to a service, or, with `undefined`, no more. */
  misbehave(service: AzureService, how: Misbehaviour | undefined, times?: number): void
  close(): Promise<void>
}

const AUDIENCE = 'https://containerregistry.azure.net'
const ACR_USER = '00000000-0000-0000-0000-000000000000'
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/**
 * @see https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
 * @see https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md
 */
export async function startAzure(options: AzureOptions): Promise<Azure> {
  const calls: AzureCall[] = []
  const accessTokens = new Set<string>()
  const refreshTokens: string[] = []
  const bearerTokens = new Set<string>()
  const odd = new Map<AzureService, { how: Misbehaviour; left: number }>()

  function grant(res: ServerResponse): void {
    const token = `entra.${randomUUID()}.signature`
    accessTokens.add(token)
    sendJson(res, 200, { token_type: 'Bearer', expires_in: 3599, access_token: token })
  }

  const services: Record<AzureService, (call: AzureCall, res: ServerResponse) => void> = {
    entra(call, res) {
      const refusal = judgeApplication(call, options)
      if (refusal === undefined) return grant(res)
      // The description of a real refusal quotes what was sent, so that nobody may print it.
      const description = `AADSTS${refusal}: you sent ${JSON.stringify(call.params)}\r\nTrace ID: 1`
      sendJson(res, 401, {
        error: 'invalid_client',
        error_description: description,
        error_codes: [refusal],
      })
    },
    exchange({ method, host, params }, res) {
      const known = accessTokens.has(params['access_token'] ?? '')
      const right =
        method === 'POST' &&
        params['grant_type'] === 'access_token' &&
        params['service'] === host &&
        (params['tenant'] ?? options.tenantId) === options.tenantId
      if (!known || !right) return fail(res, 401, 'UNAUTHORIZED')
      const token = mintRefreshToken(host, options)
      refreshTokens.push(token)
      sendJson(res, 200, { refresh_token: token })
    },
    token({ method, params, headers }, res) {
      const refresh = method === 'POST' ? params['refresh_token'] : passwordIn(headers)
      const grants = method !== 'POST' || params['grant_type'] === 'refresh_token'
      if (!grants || !refreshTokens.includes(refresh ?? '')) return fail(res, 401, 'UNAUTHORIZED')
      const token = randomUUID()
      bearerTokens.add(token)
      sendJson(res, 200, { access_token: token, expires_in: 4500 })
    },
    metadata({ params, headers }, res) {
      if (headers['metadata'] !== 'true') {
        return refuseIdentity(res, 'Required metadata header not specified')
      }
      if (!mayHave(params, options)) return refuseIdentity(res, 'Identity not found')
      grant(res)
    },
    app({ params, headers }, res) {
      if (headers['x-identity-header'] !== options.identityHeader)
        return fail(res, 403, 'FORBIDDEN')
      if (!mayHave(params, options)) return refuseIdentity(res, 'Identity not found')
      grant(res)
    },
    registry({ host, headers }, res) {
      const token = headers.authorization?.replace(/^Bearer /, '') ?? ''
      if (bearerTokens.has(token)) return sendJson(res, 200, {})
      res.setHeader(
        'WWW-Authenticate',
        `Bearer realm="https://${host}/oauth2/token",service="${host}"`,
      )
      fail(res, 401, 'UNAUTHORIZED')
    },
  }

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const host = req.headers.host ?? ''
    const url = new URL(req.url ?? '/', `http://${host}`)
    const params =
      req.method === 'POST' ? new URLSearchParams(String(await read(req))) : url.searchParams
    const service = serviceOf(url.pathname)
    const call = {
      service,
      method: req.method ?? '',
      host,
      path: url.pathname,
      params: Object.fromEntries(params),
      headers: req.headers,
    }
    calls.push(call)
    const instead = odd.get(service)
    if (instead === undefined || instead.left === 0) return services[service](call, res)
    instead.left -= 1
    instead.how(req, res)
  }

  const authority = testAuthority()
  const listener = (req: IncomingMessage, res: ServerResponse) => void answer(req, res)
  const secure = createHttps(authority.certificateFor(...options.names), listener)
  const plain = createHttp(listener)
  const [port, plainPort] = await Promise.all([listen(secure), listen(plain)])
  return {
    ca: authority.ca,
    connect: new Map([
      ...options.names.map((name) => [`${name}:443`, `127.0.0.1:${port}`] as const),
      ['169.254.169.254:80', `127.0.0.1:${plainPort}`],
    ]),
    identityEndpoint: `http://127.0.0.1:${plainPort}/msi/token`,
    calls,
    refreshTokens,
    misbehave(service, how, times = Number.POSITIVE_INFINITY) {
      if (how === undefined) odd.delete(service)
      else odd.set(service, { how, left: times })
    },
    close: async () => void (await Promise.all([stop(secure), stop(plain)])),
  }
}

function serviceOf(path: string): AzureService {
  if (path === '/oauth2/exchange') return 'exchange'
  if (path === '/oauth2/token') return 'token'
  if (path === '/metadata/identity/oauth2/token') return 'metadata'
  if (path === '/msi/token') return 'app'
  return path.endsWith('/oauth2/v2.0/token') ? 'entra' : 'registry'
}

/** @returns the number of Entra's refusal, if it refuses */
function judgeApplication(
  { method, path, params }: AzureCall,
  { tenantId, clientId, clientSecret, assertion }: AzureOptions,
): number | undefined {
  if (path !== `/${tenantId}/oauth2/v2.0/token`) return 90002
  if (method !== 'POST' || params['grant_type'] !== 'client_credentials') return 70003
  if (params['scope'] !== `${AUDIENCE}/.default`) return 70011
  if (params['client_id'] !== clientId) return 700016
  if (params['client_assertion'] !== undefined) {
    const trusted = params['client_assertion'] === assertion
    return trusted && params['client_assertion_type'] === JWT_BEARER ? undefined : 700213
  }
  return params['client_secret'] === clientSecret ? undefined : 7000215
}

function mayHave(params: AzureCall['params'], { managed = [] }: AzureOptions): boolean {
  if (params['resource'] !== AUDIENCE) return false
  return params['client_id'] === undefined
    ? managed.length > 0
    : managed.includes(params['client_id'])
}

function refuseIdentity(res: ServerResponse, description: string): void {
  sendJson(res, 400, { error: 'invalid_request', error_description: description })
}

function mintRefreshToken(host: string, { now, lifeMs = 3 * 3_600_000 }: AzureOptions): string {
  const iat = Math.floor(now() / 1000)
  const claims = { jti: randomUUID(), aud: host, iat, exp: iat + lifeMs / 1000 }
  return ['{"alg":"RS256"}', JSON.stringify(claims), 'signature']
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.')
}

function passwordIn({ authorization = '' }: IncomingMessage['headers']): string | undefined {
  const pair = Buffer.from(authorization.replace(/^Basic /, ''), 'base64').toString()
  return pair.startsWith(`${ACR_USER}:`) ? pair.slice(ACR_USER.length + 1) : undefined
}
