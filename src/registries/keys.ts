import type { BasicCredential } from '../model/credential.ts'
import { PurserError } from '../model/errors.ts'
import { CREDENTIAL_KEYS, type CredentialKeys, optionalKey } from '../model/keys.ts'
import { Secret } from '../model/secret.ts'

/** The names of a user name and of the password that goes with it. */
export type KeyPair = readonly [username: string, password: string]

/** What any registry takes: `user:pass` becomes the first of these. */
export const ANY_PAIRS: readonly KeyPair[] = [
  ['USERNAME', 'PASSWORD'],
  ['REGISTRY_USERNAME', 'REGISTRY_PASSWORD'],
  ['DOCKER_USERNAME', 'DOCKER_PASSWORD'],
]

/**
 * Reads a key that a credential must have.
 *
 * @throws `credential-incomplete` if a key is missing or empty.
 */
export function requireKey(keys: CredentialKeys, key: string): string {
  const value = optionalKey(keys, key)
  if (value !== undefined) return value
  throw new PurserError('credential-incomplete', `${key} not found or empty`)
}

/**
 * The first pair that is there.
 *
 * @returns `undefined` if of none of them anything is there
 * @throws `credential-incomplete` if of the first one that is begun, the other half is missing
 */
export function readPair(
  keys: CredentialKeys,
  pairs: readonly KeyPair[] = ANY_PAIRS,
): BasicCredential | undefined {
  for (const [usernameKey, passwordKey] of pairs) {
    const username = optionalKey(keys, usernameKey)
    const password = optionalKey(keys, passwordKey)
    if (username !== undefined && password !== undefined) return basic(username, password)
    if (username !== undefined || password !== undefined) {
      throw new PurserError(
        'credential-incomplete',
        `both ${usernameKey} and ${passwordKey} must be provided together`,
        { hint: `give ${username === undefined ? usernameKey : passwordKey} too` },
      )
    }
  }
  return undefined
}

export function basic(username: string, password: string): BasicCredential {
  return { kind: 'basic', username, password: new Secret(password) }
}

/**
 * Nothing was read: that is nothing only if there was nothing to read.
 *
 * @throws `credential-incomplete` if there are keys, but of another registry: whoever sent them
 * meant to log in, and would wonder why the pull is anonymous.
 */
export function refuseForeignKeys(
  keys: CredentialKeys,
  registry: string,
  taken: string,
): undefined {
  const foreign = CREDENTIAL_KEYS.filter((key) => optionalKey(keys, key) !== undefined)
  if (foreign.length === 0) return undefined
  throw new PurserError(
    'credential-incomplete',
    `${foreign.join(', ')} cannot log in to ${registry}`,
    { hint: `it takes ${taken}` },
  )
}
