import { authorizationOf, mintPassword } from '../ecr.ts'
import type { Asked } from './state.ts'

/** The services whose clients send a target, by its first half. */
const SERVICES = new Map([
  ['AmazonEC2ContainerRegistry_V20150921', { name: 'ECR', signedFor: 'ecr' }],
  ['SpencerFrontendService', { name: 'ECR PUBLIC', signedFor: 'ecr-public' }],
])

const LIFE_MS = 12 * 3_600_000

/**
 * ECR's and ECR Public's `GetAuthorizationToken`, whose answers differ by an array.
 *
 * @see https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
 */
export function handleRegistry(asked: Asked): void {
  const { req, res, state } = asked
  const [target = '', action] = String(req.headers['x-amz-target']).split('.')
  const service = SERVICES.get(target)
  const region = /\/([a-z0-9-]+)\/[a-z-]+\/aws4_request/.exec(req.headers.authorization ?? '')?.[1]
  const id = /Credential=([^/]+)\//.exec(req.headers.authorization ?? '')?.[1]
  if (state.note(`${service?.name} ${region} ${id}`, res)) return
  const send = (status: number, body: unknown) =>
    res
      .writeHead(status, { 'Content-Type': 'application/x-amz-json-1.1' })
      .end(JSON.stringify(body))
  if (service === undefined || action !== 'GetAuthorizationToken') {
    send(400, { __type: 'UnknownOperationException' })
    return
  }
  const checked = state.check(asked, service.signedFor)
  if ('fault' in checked) {
    // As a real one quotes what it was sent.
    send(400, { __type: checked.fault, message: JSON.stringify(req.headers) })
    return
  }
  const expiresAt = new Date(Math.floor((state.now() + LIFE_MS) / 1000) * 1000)
  const data = authorizationOf(mintPassword(expiresAt), expiresAt)
  send(200, { authorizationData: service.name === 'ECR' ? [data] : data })
}
