import * as v from 'valibot'
import { codeOf, PurserError, statusOf } from '../model/errors.ts'
import { quote } from '../model/host.ts'
import { isIdentityToken, type Login } from '../model/login.ts'
import { Secret } from '../model/secret.ts'
import { exchangeJson, type JsonRequest } from '../net/exchange.ts'
import type { Net } from '../net/net.ts'
import { basicHeader } from './basic.ts'
import type { Realm } from './realm.ts'
import type { Upstream } from './upstream.ts'

/** What a token service is asked for. */
export interface TokenQuestion {
  readonly upstream: Upstream
  readonly realm: Realm
  /** As the challenge said; NGC and Artifactory say none. */
  readonly service: string | undefined
  readonly scopes: readonly string[]
  /** `undefined` asks as nobody: public images need a token too. */
  readonly login: Login | undefined
}

/** A bearer token, and how long it is one. */
export interface Token {
  readonly secret: Secret
  /**
   * From when it was asked for, by our own clock: `issued_at` is by another's, which may be hours off.
   */
  readonly lifeMs: number
}

/** How a token service is reached, and until when it is waited for. */
export interface ExchangeOptions {
  readonly net: Pick<Net, 'realm'>
  readonly signal: AbortSignal
}

/** How the service knows which program asks. */
const CLIENT_ID = 'purser'

/**
 * The specification's default and its least: a token must not be issued for less, and a service
 * that says 0 means that it does not tell.
 *
 * @see https://distribution.github.io/distribution/spec/auth/token/#token-response-fields
 */
const MIN_LIFE_S = 60

/** Nobody issues them for longer; one that says so is asked again after a day. */
const MAX_LIFE_S = 24 * 60 * 60

/** What the most liberal server accepts as header; the usual limit is 16 KiB. */
const MAX_TOKEN_LENGTH = 64 * 1024

/**
 * A token as it may stand in a header: a CR or LF in it would be a header of the service's choice.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6750#section-2.1
 */
const HEADER_SAFE = /^[\x21-\x7e]+$/

const tokenText = v.pipe(v.string(), v.maxLength(MAX_TOKEN_LENGTH), v.regex(HEADER_SAFE))

/** A service says `token`, as docker's specification, or `access_token`, as OAuth's, or both. */
const answer = v.union([
  v.object({ token: tokenText, expires_in: v.optional(v.unknown()) }),
  v.pipe(
    v.object({ access_token: tokenText, expires_in: v.optional(v.unknown()) }),
    v.transform(({ access_token, expires_in }) => ({ token: access_token, expires_in })),
  ),
])

/**
 * Asks a token service for a token.
 *
 * A password goes by GET with Basic, because POST is not spoken by GCR, Artifactory and Harbor; an
 * identity token by POST, because that is what it is for. A service that has no such method is asked by
 * the other one.
 *
 * @throws `upstream-refused` if the service refuses, or answers with no token; `network` if it
 * cannot be reached; `policy` if it is at an address that is not public.
 * @see https://distribution.github.io/distribution/spec/auth/token/
 * @see https://distribution.github.io/distribution/spec/auth/oauth/
 */
export async function fetchToken(
  question: TokenQuestion,
  { net, signal }: ExchangeOptions,
): Promise<Token> {
  const { realm } = question
  // Its name is the registry's own, or a known one, or the operator's: the policy lets no other pass.
  const dispatcher = net.realm(realm)
  const document = await ask(waysToAsk(question), (request) =>
    exchangeJson(dispatcher, request, { signal }),
  ).catch((error: unknown) => {
    throw codeOf(error) === 'upstream-refused' ? refused(question, error) : error
  })
  const parsed = v.safeParse(answer, document)
  if (!parsed.success) {
    const what = `${realm.url.host} answered without a "token" or "access_token" that fits a header`
    throw new PurserError('upstream-refused', what, { hint: 'see who answers: it may be a proxy' })
  }
  const { token, expires_in } = parsed.output
  return { secret: new Secret(token), lifeMs: lifeOf(expires_in) * 1000 }
}

/** One way to ask, and by which answers a service says that it knows no such way. */
interface Way {
  readonly request: JsonRequest
  readonly unknown: ReadonlySet<number>
}

/** A wrong password is 401, and shall not be tried twice: accounts are locked after a few. */
const NO_SUCH_METHOD: ReadonlySet<number> = new Set([404, 405])

/**
 * What services say that know no refresh tokens: GCR 404, Harbor 405, Artifactory 401, Azure 400 of a
 * token of another kind.
 *
 * @see https://github.com/containerd/containerd/blob/main/core/remotes/docker/authorizer.go
 */
const NO_SUCH_GRANT: ReadonlySet<number> = new Set([400, 401, 404, 405])

function waysToAsk(question: TokenQuestion): readonly [Way, Way?] {
  const { login, upstream } = question
  if (login === undefined) return [{ request: getRequest(question), unknown: new Set() }]
  if (isIdentityToken(login)) {
    const grant = {
      grant_type: 'refresh_token',
      client_id: CLIENT_ID,
      refresh_token: login.secret.reveal(),
    }
    const authorization = basicHeader(upstream.host, { ...login, username: '' })
    return [
      { request: postRequest(question, grant), unknown: NO_SUCH_GRANT },
      { request: getRequest(question, { authorization }), unknown: new Set() },
    ]
  }
  const { username } = login
  const authorization = basicHeader(upstream.host, login)
  const grant = {
    grant_type: 'password',
    client_id: CLIENT_ID,
    username,
    password: login.secret.reveal(),
  }
  return [
    { request: getRequest(question, { authorization, username }), unknown: NO_SUCH_METHOD },
    { request: postRequest(question, grant), unknown: new Set() },
  ]
}

/**
 * Tries each way until one is known.
 *
 * @throws what the first one was answered: the others are guesses
 */
async function ask(
  [{ request, unknown }, second]: readonly [Way, Way?],
  send: (request: JsonRequest) => Promise<unknown>,
): Promise<unknown> {
  try {
    return await send(request)
  } catch (error) {
    const known = codeOf(error) !== 'upstream-refused' || !unknown.has(statusOf(error) ?? 0)
    if (known || second === undefined) throw error
    return await send(second.request).catch((other: unknown) => {
      throw codeOf(other) === 'upstream-refused' ? error : other
    })
  }
}

function lifeOf(expiresIn: unknown): number {
  if (typeof expiresIn !== 'number' || Number.isNaN(expiresIn)) return MIN_LIFE_S
  return Math.min(Math.max(expiresIn, MIN_LIFE_S), MAX_LIFE_S)
}

function getRequest(
  { realm, service, scopes }: TokenQuestion,
  { authorization, username }: { readonly authorization?: Secret; readonly username?: string } = {},
): JsonRequest {
  // A realm may have a query of its own, as authn.nvidia.com's.
  const url = new URL(realm.url)
  if (service !== undefined) url.searchParams.set('service', service)
  const asked = new Set(url.searchParams.getAll('scope'))
  for (const scope of scopes) if (!asked.has(scope)) url.searchParams.append('scope', scope)
  url.searchParams.set('client_id', CLIENT_ID)
  if (username !== undefined) url.searchParams.set('account', username)
  const headers = authorization === undefined ? {} : { authorization: authorization.reveal() }
  return { method: 'GET', url, headers }
}

function postRequest(
  { realm, service, scopes }: TokenQuestion,
  grant: Readonly<Record<string, string>>,
): JsonRequest {
  const form = new URLSearchParams(grant)
  if (service !== undefined) form.set('service', service)
  if (scopes.length > 0) form.set('scope', scopes.join(' '))
  return {
    method: 'POST',
    url: realm.url,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
  }
}

function refused({ upstream, login }: TokenQuestion, cause: unknown): PurserError {
  const { name } = upstream.host
  const whom = login === undefined ? 'without a login' : `for user ${quote(login.username)}`
  return new PurserError('upstream-refused', `no token for ${name} ${whom}`, {
    cause,
    hint:
      login === undefined
        ? `log in: purser login ${name}`
        : `see whether the credential is still good: purser explain ${name}`,
  })
}
