/** Credentials as platforms pass them: the names of environment variables, and their values. */
export type CredentialKeys = Readonly<Record<string, string>>

/** Every key that names a credential; what else a platform's map holds is not for a registry. */
export const CREDENTIAL_KEYS = [
  'USERNAME',
  'PASSWORD',
  'REGISTRY_USERNAME',
  'REGISTRY_PASSWORD',
  'DOCKER_USERNAME',
  'DOCKER_PASSWORD',
  'DOCKERHUB_USERNAME',
  'DOCKERHUB_PASSWORD',
  'DOCKERHUB_TOKEN',
  'GITHUB_USERNAME',
  'GITHUB_TOKEN',
  'NGC_API_KEY',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_REGION',
  'AWS_PROFILE',
  'AWS_ROLE_ARN',
  'AWS_EXTERNAL_ID',
  'AWS_ROLE_SESSION_NAME',
  'GCP_ACCESS_TOKEN',
  'GCP_PROJECT_ID',
  'GOOGLE_APPLICATION_CREDENTIALS',
  'AZURE_CLIENT_ID',
  'AZURE_CLIENT_SECRET',
  'AZURE_TENANT_ID',
] as const

/**
 * Reads a key that a credential may leave out.
 *
 * @returns `undefined` if the key is missing or empty.
 */
export function optionalKey(keys: CredentialKeys, key: string): string | undefined {
  const value = Object.hasOwn(keys, key) ? keys[key] : undefined
  return value === '' ? undefined : value
}
