import * as v from 'valibot'
import { codeOf, PurserError } from '../model/errors.ts'
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
  readonly issuedAt: Date
  readonly expiresAt: Date
}

/** How a token service is reached, and until when it is waited for. */
export interface ExchangeOptions {
  readonly net: Pick<Net, 'realm'>
  /** Milliseconds since the epoch. */
  readonly now: () => number
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
 * identity token by POST, because nothing else takes one.
 *
 * @throws `upstream-refused` if the service refuses, or answers with no token; `network` if it
 * cannot be reached; `policy` if it is at an address that is not public.
 * @see https://distribution.github.io/distribution/spec/auth/token/
 * @see https://distribution.github.io/distribution/spec/auth/oauth/
 */
export async function fetchToken(
  question: TokenQuestion,
  { net, now, signal }: ExchangeOptions,
): Promise<Token> {
  const { realm, login } = question
  const request =
    login !== undefined && isIdentityToken(login)
      ? postRequest(question, login.secret)
      : getRequest(question, login)
  const dispatcher = net.realm({ allowPrivate: realm.allowPrivate })
  const document = await exchangeJson(dispatcher, request, { signal }).catch((error: unknown) => {
    throw codeOf(error) === 'upstream-refused' ? refused(question, error) : error
  })
  const parsed = v.safeParse(answer, document)
  if (!parsed.success) {
    const what = `${realm.url.host} answered without a "token" or "access_token" that fits a header`
    throw new PurserError('upstream-refused', what, { hint: 'see who answers: it may be a proxy' })
  }
  // Counted from here by our own clock: "issued_at" is by another's, which may be hours off.
  const issuedAt = now()
  return {
    secret: new Secret(parsed.output.token),
    issuedAt: new Date(issuedAt),
    expiresAt: new Date(issuedAt + lifeOf(parsed.output.expires_in) * 1000),
  }
}

function lifeOf(expiresIn: unknown): number {
  if (typeof expiresIn !== 'number' || Number.isNaN(expiresIn)) return MIN_LIFE_S
  return Math.min(Math.max(expiresIn, MIN_LIFE_S), MAX_LIFE_S)
}

function getRequest(
  { upstream, realm, service, scopes }: TokenQuestion,
  login: Login | undefined,
): JsonRequest {
  // A realm may have a query of its own, as authn.nvidia.com's.
  const url = new URL(realm.url)
  if (service !== undefined) url.searchParams.set('service', service)
  const asked = new Set(url.searchParams.getAll('scope'))
  for (const scope of scopes) if (!asked.has(scope)) url.searchParams.append('scope', scope)
  url.searchParams.set('client_id', CLIENT_ID)
  if (login === undefined) return { method: 'GET', url, headers: {} }
  url.searchParams.set('account', login.username)
  const authorization = basicHeader(upstream.host, login).reveal()
  return { method: 'GET', url, headers: { authorization } }
}

function postRequest({ realm, service, scopes }: TokenQuestion, secret: Secret): JsonRequest {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    client_id: CLIENT_ID,
    refresh_token: secret.reveal(),
  })
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
