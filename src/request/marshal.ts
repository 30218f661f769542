import type { CredentialKeys } from '../model/keys.ts'
import type { CredentialType } from './credential-type.ts'

/**
 * Writes a credential as container requests carry it, the JSON that `parseCredentials` reads.
 *
 * The text holds the secrets in clear: it is for a request, or for what keeps secrets.
 *
 * @returns the empty string if there is no key that has a value, as requests say that there is nothing
 */
export function marshalCredentials(
  registry: string,
  type: CredentialType,
  keys: CredentialKeys,
): string {
  const given = Object.entries(keys).filter(([, value]) => value !== '')
  if (given.length === 0) return ''
  return JSON.stringify({ registry, type, credentials: Object.fromEntries(given) })
}
