import type { Secret } from './secret.ts'

/** What a source holds: a long-lived secret, or the means to get a short-lived one. */
export type Credential =
  | BasicCredential
  | AwsCredential
  | GcpTokenCredential
  | IdentityTokenCredential

/** A user name and a password, or whatever a registry takes in their place. */
export interface BasicCredential {
  readonly kind: 'basic'
  readonly username: string
  readonly password: Secret
}

/** Static AWS keys. The region is the host's, never the credential's. */
export interface AwsCredential {
  readonly kind: 'aws'
  readonly accessKeyId: string
  readonly secretAccessKey: Secret
  readonly sessionToken: Secret | undefined
}

/** An OAuth access token for Google's registries. */
interface GcpTokenCredential {
  readonly kind: 'gcp-token'
  readonly token: Secret
}

/** An OAuth refresh token of the registry's own token service, as docker's user `<token>` marks it. */
interface IdentityTokenCredential {
  readonly kind: 'identity-token'
  readonly token: Secret
}

/** Whether a login costs a question to somebody's cloud, rather than being in the credential. */
export function needsExchange(credential: Pick<Credential, 'kind'>): boolean {
  switch (credential.kind) {
    case 'aws':
      return true
    case 'basic':
    case 'gcp-token':
    case 'identity-token':
      return false
  }
}
