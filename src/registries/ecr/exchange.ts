import { nameRole, partitionOfRole } from '../../cloud/aws/name.ts'
import type { AwsRole, Credential } from '../../model/credential.ts'
import { PurserError } from '../../model/errors.ts'
import type { Host } from '../../model/host.ts'
import type { Login } from '../../model/login.ts'
import { type Registry, unsupportedCredential } from '../registry.ts'
import { ECR_USER, loginWithin } from '../static-login.ts'
import type { EcrApi, EcrOptions, MintLogin } from './login.ts'
import { passwordExpiry } from './token.ts'

/** How a credential becomes a login of a registry of Amazon's, minted by `api`. */
export type AmazonExchange = (
  registry: Pick<Registry, 'name'>,
  api: EcrApi,
  credential: Credential,
  host: Host,
  signal: AbortSignal,
) => Promise<Login | undefined>

/** Makes it; what mints logins is loaded by the first that is to be minted. */
export function createAmazonExchange(options: EcrOptions): AmazonExchange {
  let mint: Promise<MintLogin> | undefined
  const loadMint = async () => (await import('./login.ts')).createMint(options)
  return async (registry, api, credential, host, signal) => {
    switch (credential.kind) {
      case 'aws':
      case 'ambient-aws': {
        checkPartition(credential.role, api, host)
        mint ??= loadMint()
        const mintLogin = await mint
        return mintLogin(credential, host, api, signal)
      }
      case 'basic':
        return minted(credential, host, options.now())
      default:
        throw unsupportedCredential(registry, credential, host)
    }
  }
}

/** No identity of one part of Amazon's cloud is known in another. */
function checkPartition(role: AwsRole | undefined, { partition }: EcrApi, host: Host): void {
  const own = role && partitionOfRole(role.arn)
  if (role === undefined || own === partition) return
  const why = own === undefined ? 'is not a role' : `is of ${own}, and ${host.name} of ${partition}`
  throw new PurserError('credential-unsupported', `${nameRole(role)} ${why}`, {
    hint: `write it as arn:${partition}:iam::123456789012:role/NAME`,
  })
}

/** A login that somebody else had minted: good for as long as it says. */
function minted(credential: Credential, host: Host, now: number): Login {
  const login = loginWithin(credential)
  if (login === undefined || login.username !== ECR_USER) {
    throw new PurserError('credential-unsupported', `${host.name} knows no user but ${ECR_USER}`, {
      hint: 'give AWS keys, or the password that aws ecr get-login-password prints',
    })
  }
  const expiresAt = passwordExpiry(login.secret)
  if (expiresAt !== undefined && expiresAt.getTime() <= now) {
    throw new PurserError(
      'credential-expired',
      `the password for ${host.name} expired at ${expiresAt.toISOString()}`,
      { hint: 'give AWS keys instead: a password of 12 hours can be minted from them at any time' },
    )
  }
  return { ...login, expiresAt }
}
