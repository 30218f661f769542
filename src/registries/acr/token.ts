import * as v from 'valibot'
import { tryParseJson } from '../../model/json.ts'
import type { Secret } from '../../model/secret.ts'

/** A refresh token has 1 to 2 KiB. */
const MAX_TOKEN_LENGTH = 16 * 1024

/** @see https://tc39.es/ecma262/#sec-time-values-and-time-range for the last date that there is */
const MAX_TIME_S = 8.64e12

const time = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_TIME_S))
const claims = v.object({ exp: time, iat: v.optional(time) })

/** When a token was made and when it ends, by the clock of who made it. */
export interface TokenLife {
  /** `undefined` if it does not say. */
  readonly issuedAt: Date | undefined
  readonly expiresAt: Date
}

/**
 * How long a registry's refresh token lives, as the token itself says; nobody looks at its signature
 * but the registry.
 *
 * @returns `undefined` if it does not say
 * @see https://www.rfc-editor.org/rfc/rfc7519#section-4.1.4
 */
export function lifeOfToken(token: Secret): TokenLife | undefined {
  const text = token.reveal()
  const [, payload, , end] = text.length > MAX_TOKEN_LENGTH ? [] : text.split('.')
  if (payload === undefined || end !== undefined) return undefined
  const parsed = tryParseJson(Buffer.from(payload, 'base64url').toString('utf8'))
  const result = v.safeParse(claims, parsed)
  if (!result.success) return undefined
  const { exp, iat } = result.output
  return { issuedAt: iat === undefined ? undefined : dateOf(iat), expiresAt: dateOf(exp) }
}

function dateOf(seconds: number): Date {
  return new Date(seconds * 1000)
}
