import { sendJson } from '../http.ts'
import { type Asked, SCOPE, type State } from './state.ts'

const PATH = /^\/v1\/projects\/-\/serviceAccounts\/([^/:]+):generateAccessToken$/
/** Longer ones want the leave of an organisation. */
const MAX_LIFE_S = 3600
const RESOURCE = /^projects\/-\/serviceAccounts\/([^/]+)$/

/** @see https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken */
export function handleIamCredentials({ req, res, url, body, state }: Asked): void {
  const target = PATH.exec(url.pathname)?.[1]
  const caller = state.tokens.get((req.headers.authorization ?? '').replace(/^Bearer /, ''))
  if (caller === undefined) refuse(res, 401, 'UNAUTHENTICATED', req.headers)
  else if (target === undefined || req.method !== 'POST') refuse(res, 404, 'NOT_FOUND', body)
  else generate(res, caller, decodeURIComponent(target), body, state)
}

function generate(
  res: Asked['res'],
  caller: string,
  target: string,
  body: string,
  state: State,
): void {
  const { scope, lifetime = '3600s', delegates = [] } = JSON.parse(body)
  const chain = delegates.map((each: string) => RESOURCE.exec(each)?.[1])
  if (scope?.[0] !== SCOPE || !/^[0-9]+s$/.test(lifetime)) {
    refuse(res, 400, 'INVALID_ARGUMENT', body)
  } else if (!isChain([caller, ...chain, target], state)) {
    refuse(res, 403, 'PERMISSION_DENIED', body)
  } else {
    const lifeS = state.options.lifeS ?? Math.min(Number.parseInt(lifetime, 10), MAX_LIFE_S)
    const expireTime = new Date(Math.floor(state.now() / 1000 + lifeS) * 1000).toISOString()
    sendJson(res, 200, { accessToken: state.issue(target), expireTime })
  }
}

function isChain(chain: readonly (string | undefined)[], { options }: State): boolean {
  return chain
    .slice(1)
    .every((to, i) => options.mayImpersonate?.includes(`${chain[i]} -> ${to}`) === true)
}

function refuse(res: Asked['res'], code: number, status: string, sent: unknown): void {
  const message = `you sent ${JSON.stringify(sent)}`
  sendJson(res, code, { error: { code, status, message } })
}
