import { checkSignature } from '../sigv4.ts'
import { answer, type Verdict } from './oauth2.ts'
import { type Asked, type Pool, SCOPE, type State } from './state.ts'

const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'
const CALLER_PATH = '/?Action=GetCallerIdentity&Version=2011-06-15'

/** @see https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token */
export function handleSts({ req, res, url, body, state }: Asked): void {
  const form = new URLSearchParams(body)
  const isRefresh = url.pathname === '/v1/oauthtoken'
  const verdict = isRefresh ? judgeRefresh(req, form, state) : judgeProof(url, form, state)
  answer(res, verdict, state)
}

function judgeRefresh(req: Asked['req'], form: URLSearchParams, state: State): Verdict {
  const user = state.options.users?.find((each) => each.refreshToken === form.get('refresh_token'))
  if (user === undefined) return ['invalid_grant', 'Token has been expired or revoked.']
  const basic = Buffer.from(`${user.clientId}:${user.clientSecret}`).toString('base64')
  const isClient = req.headers.authorization === `Basic ${basic}`
  return isClient ? { principal: user.email } : ['invalid_client', 'The client was not found.']
}

function judgeProof({ pathname }: URL, form: URLSearchParams, state: State): Verdict {
  if (pathname !== '/v1/token' || form.get('grant_type') !== GRANT) {
    return ['invalid_request', `no such grant: ${form}`]
  }
  const pool = state.options.pools?.find(({ audience }) => audience === form.get('audience'))
  if (pool === undefined) return ['invalid_target', `no such provider: ${form}`]
  const isAsked =
    form.get('requested_token_type') === ACCESS_TOKEN &&
    form.get('scope') === SCOPE &&
    form.get('subject_token_type') === pool.subjectTokenType
  if (!isAsked) return ['invalid_request', `${form}`]
  const isTaken = isProof(form.get('subject_token') ?? '', pool, state.now)
  return isTaken ? { principal: pool.principal } : ['invalid_grant', `not taken: ${form}`]
}

function isProof(token: string, { proof, audience }: Pool, now: () => number): boolean {
  return typeof proof === 'string' ? token === proof : isSignedCall(token, proof, audience, now)
}

/** What AWS would be asked with it, if Google did. */
function isSignedCall(
  token: string,
  signer: Exclude<Pool['proof'], string>,
  audience: string,
  now: () => number,
): boolean {
  const call: {
    readonly url: string
    readonly method: string
    readonly headers: readonly { readonly key: string; readonly value: string }[]
  } = JSON.parse(decodeURIComponent(token))
  const headers = Object.fromEntries(call.headers.map(({ key, value }) => [key, value]))
  const { host, pathname, search } = new URL(call.url)
  const { fault } = checkSignature({ method: call.method, url: pathname + search, headers }, '', {
    signer: (id) => (id === signer.accessKeyId ? signer : undefined),
    service: 'sts',
    now,
  })
  return (
    fault === undefined &&
    pathname + search === CALLER_PATH &&
    /^sts\.[a-z0-9-]+\.amazonaws\.com$/.test(host) &&
    headers['host'] === host &&
    headers['x-goog-cloud-target-resource'] === audience
  )
}
