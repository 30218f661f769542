import type { CredentialKeys } from '../model/keys.ts'
import { readPair, requireKey } from '../registries/keys.ts'

/** The value of a key. @throws `credential-incomplete` if it is missing or empty */
export function validateRequiredCredential(keys: CredentialKeys, key: string): string {
  return requireKey(keys, key)
}

/**
 * A user name and a password that belong together.
 *
 * @returns `undefined` if neither is there
 * @throws `credential-incomplete` if one of them is missing or empty
 */
export function validateOptionalCredentials(
  keys: CredentialKeys,
  usernameKey: string,
  passwordKey: string,
): { readonly username: string; readonly password: string } | undefined {
  const pair = readPair(keys, [[usernameKey, passwordKey]])
  return pair && { username: pair.username, password: pair.password.reveal() }
}
