import type { Credential } from '../model/credential.ts'
import type { Host } from '../model/host.ts'
import type { CredentialKeys } from '../model/keys.ts'
import type { Login } from '../model/login.ts'
import { parseEcrHost } from '../registries/ecr/host.ts'
import { registryKindOf } from './registry-kind.ts'

/** What a registry's users call a user name and a password there; elsewhere it is any registry's. */
const PAIRS: Readonly<Record<string, readonly [username: string, password: string]>> = {
  ghcr: ['GITHUB_USERNAME', 'GITHUB_TOKEN'],
  dockerhub: ['DOCKERHUB_USERNAME', 'DOCKERHUB_PASSWORD'],
}

/**
 * The keys that say to anybody what a credential is, without the machine that it is from.
 *
 * @returns `undefined` for what only a login can be made of: it would be of no use elsewhere, or not be
 * understood there
 */
export function keysOfCredential(credential: Credential, host: Host): CredentialKeys | undefined {
  switch (credential.kind) {
    case 'basic':
      return keysOfPair(credential.username, credential.password.reveal(), host)
    case 'gcp-token':
      return { GCP_ACCESS_TOKEN: credential.token.reveal() }
    case 'aws': {
      const region = parseEcrHost(host)?.region
      if (credential.role !== undefined || region === undefined) return undefined
      return {
        AWS_ACCESS_KEY_ID: credential.accessKeyId,
        AWS_SECRET_ACCESS_KEY: credential.secretAccessKey.reveal(),
        AWS_REGION: region,
        ...(credential.sessionToken && { AWS_SESSION_TOKEN: credential.sessionToken.reveal() }),
      }
    }
    case 'identity-token':
    case 'ambient-aws':
    case 'gcp-service-account':
    case 'gcp-user':
    case 'gcp-impersonated':
    case 'gcp-external':
    case 'ambient-gcp':
    case 'azure':
    case 'ambient-azure':
      return undefined
  }
}

/** The keys that a login is carried by: of Google's, clients know the token by its own name. */
export function keysOfLogin({ username, secret }: Login, host: Host): CredentialKeys {
  if (username === 'oauth2accesstoken') return { GCP_ACCESS_TOKEN: secret.reveal() }
  return keysOfPair(username, secret.reveal(), host)
}

function keysOfPair(username: string, password: string, host: Host): CredentialKeys {
  if (username === '$oauthtoken') return { NGC_API_KEY: password }
  const [usernameKey, passwordKey] = PAIRS[registryKindOf(host).name] ?? ['USERNAME', 'PASSWORD']
  return { [usernameKey]: username, [passwordKey]: password }
}
