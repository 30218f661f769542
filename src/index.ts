/**
 * Registry credentials for programs: the forms in which platforms carry them, the functions that read,
 * name and write these, and the vault that keeps them.
 */
export type { Attachment, Field } from './attachment.ts'
export type {
  AttachOptions,
  CredentialProvider,
  HostProcess,
  ImageCredentialSecret,
  ImageSecret,
  ProviderChoice,
  Purser,
  PurserOptions,
  RegistryLogin,
} from './library/contract.ts'
export {
  createProviderFromEnv,
  getCredentialProviderForImage,
  getRegistryTokenForImage,
} from './library/plain.ts'
export { openPurser } from './library/purser.ts'
export { type ErrorCode, PurserError } from './model/errors.ts'
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
export { validateOptionalCredentials, validateRequiredCredential } from './request/validate.ts'
