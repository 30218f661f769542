import { sendJson } from '../http.ts'
import type { Asked } from './state.ts'

/**
 * The portal: keys of a role for a session's token.
 *
 * @see https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_GetRoleCredentials.html
 */
export function handleSso({ req, res, url, state }: Asked): void {
  const account = url.searchParams.get('account_id')
  const role = url.searchParams.get('role_name')
  if (state.note(`SSO GetRoleCredentials ${account} ${role}`, res)) return
  if (req.headers['x-amz-sso_bearer_token'] !== state.sso?.accessToken) {
    res.setHeader('x-amzn-errortype', 'UnauthorizedException:http://internal.amazon.com/x')
    sendJson(res, 401, { message: `Session token not found: ${JSON.stringify(req.headers)}` })
    return
  }
  const { expiresAt, ...session } = state.issue(`${role}`)
  sendJson(res, 200, { roleCredentials: { ...session, expiration: expiresAt.getTime() } })
}

/**
 * The token service: a new token for a session that can be renewed.
 *
 * @see https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/API_CreateToken.html
 */
export function handleOidc({ res, body, state }: Asked): void {
  const form: unknown = JSON.parse(body)
  if (state.note('SSO OIDC CreateToken', res)) return
  const { sso } = state
  const isKnown =
    typeof form === 'object' &&
    form !== null &&
    'refreshToken' in form &&
    form.refreshToken === sso?.refreshToken
  if (!isKnown) {
    res.setHeader('x-amzn-errortype', 'InvalidGrantException')
    sendJson(res, 400, { error: 'invalid_grant' })
    return
  }
  const { accessToken, refreshToken } = sso ?? {}
  sendJson(res, 200, { accessToken, refreshToken, tokenType: 'Bearer', expiresIn: 28_800 })
}
