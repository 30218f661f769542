import type { Credential } from '../model/credential.ts'
import { IDENTITY_TOKEN_USER, type Login, staticLogin } from '../model/login.ts'

/**
 * The user of every login that Amazon mints.
 *
 * @see https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
 */
export const ECR_USER = 'AWS'

/**
 * The user whose password is a Google access token.
 *
 * @see https://cloud.google.com/artifact-registry/docs/docker/authentication#token
 */
export const GOOGLE_USER = 'oauth2accesstoken'

/**
 * The user whose password is a refresh token of an Azure registry.
 *
 * @see https://learn.microsoft.com/azure/container-registry/container-registry-authentication
 */
export const ACR_USER = '00000000-0000-0000-0000-000000000000'

/**
 * The user name of the login that a credential becomes, known without asking anybody.
 */
export function usernameOf(credential: Credential): string {
  switch (credential.kind) {
    case 'basic':
      return credential.username
    case 'identity-token':
      return IDENTITY_TOKEN_USER
    case 'aws':
    case 'ambient-aws':
      return ECR_USER
    case 'gcp-token':
    case 'gcp-service-account':
    case 'gcp-user':
    case 'gcp-impersonated':
    case 'gcp-external':
    case 'ambient-gcp':
      return GOOGLE_USER
    case 'azure':
    case 'ambient-azure':
      return ACR_USER
  }
}

/** The login that a credential is by itself; `undefined` if a cloud must be asked for it. */
export function loginWithin(credential: Credential): Login | undefined {
  switch (credential.kind) {
    case 'basic':
      return staticLogin(credential.username, credential.password)
    case 'gcp-token':
    case 'identity-token':
      return staticLogin(usernameOf(credential), credential.token)
    default:
      return undefined
  }
}
