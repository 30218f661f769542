import type { ServerResponse } from 'node:http'
import { inspect } from 'node:util'
import { expect } from 'vitest'
import { describeError, hintOf } from '../../../src/model/errors.ts'
import { sendJson } from '../../fakes/http.ts'
import { ACCOUNT, PRIVATE_KEY, PROOF, TARGET, USER } from './machine.ts'

/** What errors begin with. */
export const WHAT = 'asking Google for a token for us-docker.pkg.dev with '
export const CI = `${WHAT}service account ${ACCOUNT.email}`
export const JANE = `${WHAT}a user's login`
export const POD = `${WHAT}an identity of workloadIdentityPools/pool/providers/k8s`
export const BY_JANE = `${WHAT}service account ${TARGET}, impersonated by a user's login`

const SECRETS = [
  PRIVATE_KEY,
  PRIVATE_KEY.slice(40, 80),
  USER.refreshToken,
  USER.clientSecret,
  PROOF,
]

/** Sees that an error tells no secret, however it is printed. */
export function expectSilence(error: unknown): void {
  for (const secret of [...SECRETS, 'ya29.', 'eyJ']) {
    expect(`${describeError(error)} ${hintOf(error)} ${inspect(error)}`).not.toContain(secret)
  }
}

/** Says something in place of an answer. */
export function say(res: ServerResponse, status: number, body: unknown): void {
  if (typeof body === 'string') res.writeHead(status).end(body)
  else sendJson(res, status, body)
}
