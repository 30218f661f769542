/**
 * Registry credentials for programs: the forms in which platforms carry them, and the functions that
 * read, name and write these.
 */
export type { CredentialKeys } from './model/keys.ts'
export { type CredentialType, detectCredentialType } from './request/credential-type.ts'
export { parseCredentials } from './request/credentials.ts'
export { marshalCredentials } from './request/marshal.ts'
export {
  getAcrCredentials,
  getDockerHubCredentials,
  getEcrCredentials,
  getGarCredentials,
  getGenericCredentials,
  getGhcrCredentials,
  getNgcCredentials,
  getRegistryCredentials,
  parseCredentialsFromEnv,
  type RegistryCredentials,
} from './request/registry-credentials.ts'
export { createSecretName, parseRegistry } from './request/registry-name.ts'
