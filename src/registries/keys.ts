import { PurserError } from '../model/errors.ts'

/** Credentials as platforms pass them: the names of environment variables, and their values. */
export type CredentialKeys = Readonly<Record<string, string>>

/** @throws `credential-incomplete` if a key is missing or empty. */
export function requireKey(keys: CredentialKeys, key: string): string {
  const value = optionalKey(keys, key)
  if (value === undefined) {
    throw new PurserError('credential-incomplete', `${key} not found or empty`)
  }
  return value
}

/** @returns `undefined` if the key is missing or empty. */
export function optionalKey(keys: CredentialKeys, key: string): string | undefined {
  const value = Object.hasOwn(keys, key) ? keys[key] : undefined
  return value === '' ? undefined : value
}

/** @throws `credential-incomplete` if one of two keys that belong together is missing. */
export function bothOrNeither(
  keys: CredentialKeys,
  first: string,
  second: string,
): readonly [string, string] | undefined {
  const a = optionalKey(keys, first)
  const b = optionalKey(keys, second)
  if (a === undefined && b === undefined) return undefined
  if (a === undefined || b === undefined) {
    throw new PurserError(
      'credential-incomplete',
      `both ${first} and ${second} must be provided together`,
    )
  }
  return [a, b]
}
