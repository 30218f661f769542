import { tryParseHost } from '../model/host.ts'
import { type CredentialKeys, optionalKey } from '../model/keys.ts'
import { registryKindOf } from './registry-kind.ts'

/** What platforms call a set of keys, beside the keys themselves. */
export type CredentialType = 'public' | 'basic' | 'aws' | 'gcp' | 'azure' | 'token' | 'unknown'

/** Whose identity a registry takes, if the keys do not tell. */
const TYPES_BY_KIND: Readonly<Record<string, CredentialType>> = {
  ecr: 'aws',
  'ecr-public': 'aws',
  gar: 'gcp',
  acr: 'azure',
}

/**
 * Tells what a set of keys is, by the keys, and by the registry that they are for where no key tells.
 *
 * @param registry - its host; compared whole, never in part
 * @returns `public` of no key that has a value, `unknown` of keys that tell nothing for a registry
 * that tells nothing
 */
export function detectCredentialType(registry: string, keys: CredentialKeys): CredentialType {
  const has = (key: string) => optionalKey(keys, key) !== undefined
  const hasLike = (word: string) =>
    Object.keys(keys).some((key) => key.toUpperCase().includes(word) && has(key))
  if (!Object.keys(keys).some(has)) return 'public'
  if (has('AWS_ACCESS_KEY_ID') && has('AWS_SECRET_ACCESS_KEY')) return 'aws'
  if (['GOOGLE_APPLICATION_CREDENTIALS', 'GCP_PROJECT_ID', 'GCP_ACCESS_TOKEN'].some(has)) {
    return 'gcp'
  }
  if (has('AZURE_CLIENT_ID') && has('AZURE_CLIENT_SECRET')) return 'azure'
  if (['NGC_API_KEY', 'GITHUB_TOKEN', 'DOCKERHUB_TOKEN'].some(has)) return 'token'
  if (hasLike('USERNAME') && hasLike('PASSWORD')) return 'basic'
  const host = tryParseHost(registry)
  return (host && TYPES_BY_KIND[registryKindOf(host).name]) ?? 'unknown'
}
