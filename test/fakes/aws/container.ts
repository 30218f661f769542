import { sendJson } from '../http.ts'
import type { Asked } from './state.ts'

/** @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html */
export function handleContainer({ req, res, url, state }: Asked): void {
  if (state.note(`container ${req.method} ${url.pathname}${url.search}`, res)) return
  const { container } = state
  if (container === undefined || req.headers.authorization !== container.authorization) {
    sendJson(res, 403, { Code: 'AccessDenied', Message: JSON.stringify(req.headers) })
    return
  }
  const { accessKeyId, secretAccessKey, sessionToken, expiresAt } = state.issue(container.role)
  sendJson(res, 200, {
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    Token: sessionToken,
    Expiration: expiresAt.toISOString(),
  })
}
