import * as v from 'valibot'
import { PurserError } from '../../model/errors.ts'
import type { Host } from '../../model/host.ts'
import { tryParseJson } from '../../model/json.ts'
import type { Login } from '../../model/login.ts'
import { Secret } from '../../model/secret.ts'

/** A token is 2 to 4 KiB; it has to fit into a header, which is 16 KiB where it is small. */
const MAX_TOKEN_LENGTH = 16 * 1024

/** Printable, and no white space: the two go into a header, and over a protocol of lines. */
const USER_AND_PASSWORD = /^([!-9;-~]+):([!-~]+)$/

const base64 = v.pipe(v.string(), v.maxLength(MAX_TOKEN_LENGTH), v.base64())
const authorization = v.object({ authorizationToken: base64, expiresAt: v.date() })

/**
 * Reads what `GetAuthorizationToken` answers, for a private or the public registry.
 *
 * @throws `exchange-failed`, naming the property that is not as documented
 * @see https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_AuthorizationData.html
 */
export function parseAuthorization(output: unknown, host: Host): Login {
  const result = v.safeParse(authorization, output)
  if (!result.success) {
    const path = v.getDotPath(result.issues[0])
    const what = path === null ? 'authorizationData' : `authorizationData.${path}`
    throw new PurserError(
      'exchange-failed',
      `${host.name}: the answer's ${what} is not as it ought`,
    )
  }
  const { authorizationToken, expiresAt } = result.output
  const decoded = Buffer.from(authorizationToken, 'base64').toString('latin1')
  const [, username, password] = USER_AND_PASSWORD.exec(decoded) ?? []
  if (username === undefined || password === undefined) {
    throw new PurserError('exchange-failed', `${host.name}: the token is not user:password`)
  }
  return { username, secret: new Secret(password), expiresAt }
}

/** @see https://tc39.es/ecma262/#sec-time-values-and-time-range for the last date that there is */
const MAX_TIME_S = 8.64e12

/** What a password of Amazon's making says about itself: seconds since the epoch. */
const envelope = v.object({
  expiration: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_TIME_S)),
})

/**
 * When a password that Amazon minted ends; it is JSON in base64 that says so.
 *
 * @returns `undefined` if it does not say
 */
export function passwordExpiry(secret: Secret): Date | undefined {
  const text = secret.reveal()
  if (text.length > MAX_TOKEN_LENGTH) return undefined
  const parsed = tryParseJson(Buffer.from(text, 'base64').toString('utf8'))
  const result = v.safeParse(envelope, parsed)
  return result.success ? new Date(result.output.expiration * 1000) : undefined
}
