import * as v from 'valibot'
import { tryParseJson } from '../../model/json.ts'
import { Secret } from '../../model/secret.ts'
import type { Answer } from './ask.ts'
import type { GoogleToken } from './place.ts'

const text = v.pipe(v.string(), v.nonEmpty())
/** Of a year at most: what is more was never meant. */
const seconds = v.pipe(v.number(), v.minValue(0), v.maxValue(31_536_000))

/** RFC 6749 5.1, which the metadata server keeps to as well. */
const granted = v.object({ access_token: text, expires_in: v.optional(seconds) })
/** @see https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken */
const generated = v.object({ accessToken: text, expireTime: v.pipe(text, v.isoTimestamp()) })

/**
 * Reads the token of an answer, which ends when it says by this machine's clock.
 *
 * @param askedAt - milliseconds since the epoch: what was underway counts as its age
 * @returns `undefined` if there is none
 */
export function readToken({ body, dateMs }: Answer, askedAt: number): GoogleToken | undefined {
  const value = tryParseJson(body)
  const grant = v.safeParse(granted, value)
  if (grant.success) {
    const { access_token, expires_in } = grant.output
    const expiresAt = expires_in === undefined ? undefined : new Date(askedAt + expires_in * 1000)
    return { token: new Secret(access_token), expiresAt }
  }
  const generation = v.safeParse(generated, value)
  if (!generation.success) return undefined
  const { accessToken, expireTime } = generation.output
  const lifeMs = Date.parse(expireTime) - (dateMs ?? askedAt)
  return { token: new Secret(accessToken), expiresAt: new Date(askedAt + lifeMs) }
}
