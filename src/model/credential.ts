import type { Secret } from './secret.ts'

/** What a source holds: a long-lived secret, or the means to get a short-lived one. */
export type Credential =
  | BasicCredential
  | IdentityTokenCredential
  | AwsCredential
  | AmbientAwsCredential
  | GcpTokenCredential
  | GcpAccountCredential
  | AmbientGcpCredential
  | AzureCredential
  | AmbientAzureCredential

/** A user name and a password, or whatever a registry takes in their place. */
export interface BasicCredential {
  readonly kind: 'basic'
  readonly username: string
  readonly password: Secret
}

/** An OAuth refresh token of the registry's own token service, as docker's user `<token>` marks it. */
export interface IdentityTokenCredential {
  readonly kind: 'identity-token'
  readonly token: Secret
}

/** A role to take on, by the keys or the identity that it is named with. */
export interface AwsRole {
  readonly arn: string
  readonly externalId: string | undefined
  readonly sessionName: string | undefined
}

/** Static AWS keys. The region is the host's, never the credential's. */
export interface AwsCredential {
  readonly kind: 'aws'
  readonly accessKeyId: string
  readonly secretAccessKey: Secret
  readonly sessionToken: Secret | undefined
  readonly role: AwsRole | undefined
}

/** The machine's own AWS identity: a profile of its files, or what its chain of providers finds. */
export interface AmbientAwsCredential {
  readonly kind: 'ambient-aws'
  readonly profile: string | undefined
  readonly role: AwsRole | undefined
}

/** An OAuth access token for Google's registries. */
interface GcpTokenCredential {
  readonly kind: 'gcp-token'
  readonly token: Secret
}

/**
 * A Google credential file's JSON. `gcp-external` names files, URLs or a cloud of the machine that
 * uses it; the others hold all they need.
 *
 * @see https://google.aip.dev/auth/4110
 */
export interface GcpAccountCredential {
  readonly kind: 'gcp-service-account' | 'gcp-user' | 'gcp-impersonated' | 'gcp-external'
  readonly json: Secret
}

/** The machine's own Google identity: application default credentials, or gcloud's login. */
export interface AmbientGcpCredential {
  readonly kind: 'ambient-gcp'
}

/** A service principal of Microsoft Entra. */
export interface AzureCredential {
  readonly kind: 'azure'
  readonly tenantId: string
  readonly clientId: string
  readonly clientSecret: Secret
}

/** The machine's own Azure identity: a federated token, or a managed identity. */
export interface AmbientAzureCredential {
  readonly kind: 'ambient-azure'
  /** Which managed identity, where the machine has several. */
  readonly clientId: string | undefined
}

/** Whether a login costs a question to somebody's cloud, rather than being in the credential. */
export function needsExchange({ kind }: Pick<Credential, 'kind'>): boolean {
  switch (kind) {
    case 'aws':
    case 'ambient-aws':
    case 'gcp-service-account':
    case 'gcp-user':
    case 'gcp-impersonated':
    case 'gcp-external':
    case 'ambient-gcp':
    case 'azure':
    case 'ambient-azure':
      return true
    case 'basic':
    case 'gcp-token':
    case 'identity-token':
      return false
  }
}

/**
 * Whether it stands for something of the machine that uses it: its files, its environment, its cloud.
 * One that comes from elsewhere, as in a container's request, may not: it would borrow an identity.
 */
export function isOfMachine({ kind }: Pick<Credential, 'kind'>): boolean {
  switch (kind) {
    case 'ambient-aws':
    case 'gcp-external':
    case 'ambient-gcp':
    case 'ambient-azure':
      return true
    case 'basic':
    case 'identity-token':
    case 'aws':
    case 'gcp-token':
    case 'gcp-service-account':
    case 'gcp-user':
    case 'gcp-impersonated':
    case 'azure':
      return false
  }
}

/**
 * The identity that a credential names rather than holds: `profile dev, role arn:…`.
 *
 * @returns `undefined` if it names none
 */
export function identityNamedBy(credential: Credential): string | undefined {
  const names = 'role' in credential && credential.role ? [`role ${credential.role.arn}`] : []
  if ('profile' in credential && credential.profile) names.unshift(`profile ${credential.profile}`)
  if ('clientId' in credential && credential.clientId) names.push(`client ${credential.clientId}`)
  return names.length === 0 ? undefined : names.join(', ')
}
