import type { BasicCredential, IdentityTokenCredential } from '../../model/credential.ts'
import { PurserError } from '../../model/errors.ts'
import type { Host } from '../../model/host.ts'
import { isIdentityToken, type Login } from '../../model/login.ts'
import type { Net } from '../../net/net.ts'
import { type Registry, unsupportedCredential } from '../registry.ts'
import { ACR_USER, loginWithin } from '../static-login.ts'
import { azureCloudOf } from './host.ts'
import { readAzureKeys } from './keys.ts'

/** What an Azure registry is made with. */
export interface AcrOptions {
  net(): Promise<Net>
  readonly env: Readonly<Record<string, string | undefined>>
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Waits between attempts. Default: a timer. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>
}

/**
 * Azure's registries: an identity of Microsoft Entra is exchanged for a refresh token of three hours;
 * a service principal, the registry's own user or a token of its scope maps logs in as it is, too.
 *
 * @see https://learn.microsoft.com/azure/container-registry/container-registry-authentication
 */
export function createAcr({ net, now, ...options }: AcrOptions): Registry {
  const acr: Registry = {
    name: 'acr',
    matches: (host) => azureCloudOf(host) !== undefined,
    read: readAzureKeys,
    // A refresh token is one registry's.
    audience: ({ name }) => name,
    async exchange(credential, { host }, signal) {
      const cloud = azureCloudOf(host)
      if (cloud === undefined) throw unsupportedCredential(acr, credential, host)
      switch (credential.kind) {
        case 'azure':
        case 'ambient-azure': {
          const { mintAcrLogin } = await import('./login.ts')
          const way = { ...options, net: await net(), now, signal }
          return mintAcrLogin(credential, host, cloud, way)
        }
        case 'basic':
        case 'identity-token':
          return given(credential, host, now())
        default:
          throw unsupportedCredential(acr, credential, host)
      }
    },
  }
  return acr
}

/** A login that somebody else had made, as `az acr login` makes them, or one that has no end. */
async function given(
  credential: BasicCredential | IdentityTokenCredential,
  host: Host,
  now: number,
): Promise<Login | undefined> {
  const login = loginWithin(credential)
  if (login === undefined || (login.username !== ACR_USER && !isIdentityToken(login))) return login
  const { lifeOfToken } = await import('./token.ts')
  const expiresAt = lifeOfToken(login.secret)?.expiresAt
  if (expiresAt !== undefined && expiresAt.getTime() <= now) {
    throw new PurserError(
      'credential-expired',
      `the token for ${host.name} expired at ${expiresAt.toISOString()}`,
      { hint: 'give a service principal instead: a token can be had for it at any time' },
    )
  }
  return { ...login, expiresAt }
}
