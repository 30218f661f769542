import type { Dispatcher } from 'undici'
import { PurserError } from '../model/errors.ts'
import { tryParseJson } from '../model/json.ts'
import { isIdentityToken, type Login } from '../model/login.ts'
import type { Secret } from '../model/secret.ts'
import { adviceOn } from '../net/advice.ts'
import { describeRequest } from '../net/exchange.ts'
import type { Net } from '../net/net.ts'
import { saysExpired } from '../token/expired.ts'
import { createTokens } from '../token/tokens.ts'
import { apiUrl, type Upstream } from '../token/upstream.ts'

/** What registries are asked with. */
export interface EntranceOptions {
  readonly net: Pick<Net, 'upstream' | 'realm'>
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** More than any registry's refusal; what it says beyond this is not looked at. */
const MAX_BODY_BYTES = 16 * 1024

/**
 * Logs in to a registry as `docker login` does: `GET /v2/`, the token service if the registry names
 * one, and `GET /v2/` again with what that gave.
 *
 * Without a scope, because that is what tells: a token service that is asked for a repository may
 * give a token that is good for nothing rather than refuse a wrong password, as Harbor's does on
 * purpose. And with the second `GET /v2/`, because a token is worth what the registry makes of it.
 *
 * @returns in a few words who took the login
 * @throws `upstream-refused`, with the status, if the registry or its token service refuses;
 * `credential-expired` if it says that the login has ended; `network`; and whatever else keeps a
 * login from being sent
 * @see https://github.com/goharbor/harbor/issues/11632
 * @see https://distribution.github.io/distribution/spec/auth/token/
 */
export async function enter(
  upstream: Upstream,
  login: Login,
  { net, now }: EntranceOptions,
  signal: AbortSignal,
): Promise<string> {
  const { name } = upstream.host
  // Made anew for each login: nothing that was learnt from an earlier one may answer for it.
  const tokens = createTokens({ net, now })
  const header = await tokens.authorizationFor({ upstream, login, scopes: [], signal })
  if (header === undefined) return `${name} asks nobody to log in, so nothing was tried`
  const who = isIdentityToken(login) ? 'the identity token' : login.username
  if (isNobodys(header)) {
    const told = `the token service of ${name} took ${who} for nobody, and gave a token for public images`
    throw new PurserError('upstream-refused', told, { status: 200 })
  }
  await knock(net.upstream, upstream, header, signal)
  return `${name} took ${who}`
}

/** @throws unless the registry lets in whoever comes with this header. */
async function knock(
  dispatcher: Dispatcher,
  upstream: Upstream,
  header: Secret,
  signal: AbortSignal,
): Promise<void> {
  const url = apiUrl(upstream)
  const what = describeRequest({ method: 'GET', url })
  const { statusCode, text } = await ask(dispatcher, url, header, signal).catch((cause) => {
    signal.throwIfAborted()
    if (cause instanceof PurserError) throw cause
    throw new PurserError('network', what, { cause, hint: adviceOn(cause) })
  })
  if (statusCode >= 200 && statusCode <= 299) return
  const expired = saysExpired(text)
  throw new PurserError(
    expired ? 'credential-expired' : 'upstream-refused',
    `${what}: ${expired ? 'the login has expired, ' : ''}status ${statusCode}`,
    { status: statusCode },
  )
}

async function ask(dispatcher: Dispatcher, url: URL, header: Secret, signal: AbortSignal) {
  const { statusCode, body } = await dispatcher.request({
    origin: url.origin,
    path: url.pathname,
    method: 'GET',
    // Here the secret leaves for the registry.
    headers: { authorization: header.reveal() },
    signal,
  })
  let text = ''
  for await (const chunk of body) {
    text += String(chunk)
    if (text.length > MAX_BODY_BYTES) break
  }
  return { statusCode, text }
}

/**
 * Whether a token says of itself that it was given to nobody, although a login was sent: its subject
 * is empty, as the specification has it, or `(anonymous)`, as Quay writes. What is no JWT says nothing.
 *
 * @see https://distribution.github.io/distribution/spec/auth/jwt/
 */
function isNobodys(header: Secret): boolean {
  const payload = /^Bearer [\w-]+\.([\w-]+)\.[\w-]*$/.exec(header.reveal())?.[1]
  if (payload === undefined) return false
  const claims = tryParseJson(Buffer.from(payload, 'base64url').toString('utf8'))
  if (typeof claims !== 'object' || claims === null || !('sub' in claims)) return false
  return claims.sub === '' || claims.sub === '(anonymous)'
}
