import type { Credential } from '../model/credential.ts'
import { IDENTITY_TOKEN_USER, type Login, staticLogin } from '../model/login.ts'

/** The user of every login that Amazon mints. */
export const ECR_USER = 'AWS'

/**
 * The user name of the login that a credential becomes, known without asking anybody.
 *
 * @see https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html for `AWS`
 * @see https://cloud.google.com/artifact-registry/docs/docker/authentication#token for Google's
 */
export function usernameOf(credential: Credential): string {
  switch (credential.kind) {
    case 'basic':
      return credential.username
    case 'aws':
      return ECR_USER
    case 'gcp-token':
      return 'oauth2accesstoken'
    case 'identity-token':
      return IDENTITY_TOKEN_USER
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
    case 'aws':
      return undefined
  }
}
