import { verify } from 'node:crypto'
import { sendJson } from '../http.ts'
import { type Asked, LIFE_S, SCOPE, type ServiceAccount, type State } from './state.ts'

const JWT_GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const AUDIENCE = 'https://oauth2.googleapis.com/token'
const MAX_LIFE_S = 3600

/** Whose token it is to be, or why there is none: the error's code and words, RFC 6749 5.2. */
export type Verdict = { readonly principal: string } | readonly [error: string, words: string]

/** @see https://developers.google.com/identity/protocols/oauth2/service-account#httprest */
export function handleOauth2({ res, body, state }: Asked): void {
  const form = new URLSearchParams(body)
  const grant = form.get('grant_type')
  if (grant === JWT_GRANT) answer(res, judgeJwt(form.get('assertion') ?? '', state), state)
  else if (grant === 'refresh_token') answer(res, judgeRefresh(form, state), state)
  else answer(res, ['unsupported_grant_type', `Invalid grant_type: ${grant}`], state)
}

function judgeJwt(assertion: string, state: State): Verdict {
  const claims = claimsOf(assertion)
  const account = state.options.accounts?.find(({ email }) => email === claims?.iss)
  if (account === undefined || claims === undefined) {
    // Like the real one, it says what it was sent.
    return ['invalid_grant', `Invalid grant: account not found: ${assertion}`]
  }
  if (!isSigned(assertion, account)) return ['invalid_grant', `Invalid JWT: ${assertion}`]
  const { aud, scope, iat, exp } = claims
  if (aud !== AUDIENCE) return ['invalid_grant', `Invalid JWT: aud ${aud}`]
  if (scope !== SCOPE) return ['invalid_scope', `Invalid scope ${scope}`]
  const now = Math.floor(state.now() / 1000)
  const isTimely = iat <= now && exp > now && exp > iat && exp - iat <= MAX_LIFE_S
  if (!isTimely) return ['invalid_grant', 'Invalid JWT: Token must be a short-lived token']
  return { principal: account.email }
}

interface Claims {
  readonly iss: string
  readonly aud: string
  readonly scope: string
  readonly iat: number
  readonly exp: number
}

function claimsOf(assertion: string): Claims | undefined {
  try {
    const [header = '', payload = ''] = assertion.split('.')
    const { alg } = JSON.parse(Buffer.from(header, 'base64url').toString())
    return alg === 'RS256' ? JSON.parse(Buffer.from(payload, 'base64url').toString()) : undefined
  } catch {
    return undefined
  }
}

function isSigned(assertion: string, { publicKey }: ServiceAccount): boolean {
  const [header, payload, signature = ''] = assertion.split('.')
  const signed = Buffer.from(`${header}.${payload}`)
  return verify('RSA-SHA256', signed, publicKey, Buffer.from(signature, 'base64url'))
}

function judgeRefresh(form: URLSearchParams, state: State): Verdict {
  const user = state.options.users?.find(
    ({ refreshToken }) => refreshToken === form.get('refresh_token'),
  )
  if (user === undefined) return ['invalid_grant', 'Token has been expired or revoked.']
  const isClient =
    user.clientId === form.get('client_id') && user.clientSecret === form.get('client_secret')
  return isClient ? { principal: user.email } : ['invalid_client', 'The client was not found.']
}

/** Gives the token, or says why not. */
export function answer(res: Asked['res'], verdict: Verdict, state: State): void {
  if ('principal' in verdict) {
    sendJson(res, 200, {
      access_token: state.issue(verdict.principal),
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      expires_in: state.options.lifeS ?? LIFE_S,
      token_type: 'Bearer',
    })
  } else {
    const [error, error_description] = verdict
    sendJson(res, error === 'invalid_client' ? 401 : 400, { error, error_description })
  }
}
