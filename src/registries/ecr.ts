import type { Agent } from 'node:https'
import type { AwsCredential, Credential } from '../model/credential.ts'
import { PurserError } from '../model/errors.ts'
import type { Host } from '../model/host.ts'
import { optionalKey } from '../model/keys.ts'
import type { Login } from '../model/login.ts'
import { Secret } from '../model/secret.ts'
import { parseEcrHost } from './ecr-host.ts'
import { passwordExpiry } from './ecr-token.ts'
import { readPair, refuseForeignKeys, requireKey } from './keys.ts'
import { type Registry, unsupportedCredential } from './registry.ts'
import { ECR_USER, loginWithin } from './static-login.ts'

export interface EcrOptions {
  httpsAgent(): Promise<Agent>
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** How long Amazon has for an answer, all attempts together. Default: 50 s. */
  readonly timeoutMs?: number
}

const TAKEN = 'AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION'

/**
 * Amazon's private registries: AWS keys are exchanged for a password of 12 hours.
 *
 * @see https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
 */
export function createEcr({ httpsAgent, now, timeoutMs }: EcrOptions): Registry {
  const ecr: Registry = {
    name: 'ecr',
    matches: (host) => parseEcrHost(host) !== undefined,
    read(keys) {
      const has = (key: string) => optionalKey(keys, key) !== undefined
      if (!['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'].some(has)) {
        const pair = readPair(keys)
        if (pair !== undefined) return pair
        if (!['AWS_SESSION_TOKEN', 'AWS_REGION'].some(has)) {
          return refuseForeignKeys(keys, 'Amazon ECR', TAKEN)
        }
      }
      const sessionToken = optionalKey(keys, 'AWS_SESSION_TOKEN')
      const credential: AwsCredential = {
        kind: 'aws',
        accessKeyId: requireKey(keys, 'AWS_ACCESS_KEY_ID'),
        secretAccessKey: new Secret(requireKey(keys, 'AWS_SECRET_ACCESS_KEY')),
        sessionToken: sessionToken === undefined ? undefined : new Secret(sessionToken),
        role: undefined,
      }
      // Asked for because platforms promise it; where the registry is, its name says.
      requireKey(keys, 'AWS_REGION')
      return credential
    },
    // A token serves every registry that its identity may use in a region (GetAuthorizationToken's
    // own documentation); one that was asked of a FIPS endpoint is not replaced by one that was not.
    audience: (host) => {
      const place = parseEcrHost(host)
      return `${place?.region} ${place?.fips}`
    },
    async exchange(credential, { host }, signal) {
      const place = parseEcrHost(host)
      if (place === undefined) throw unsupportedCredential(ecr, credential, host)
      switch (credential.kind) {
        case 'aws': {
          // Nobody else needs what this needs.
          const { getAuthorization } = await import('./ecr-api.ts')
          return getAuthorization(credential, {
            host,
            place,
            httpsAgent: await httpsAgent(),
            signal,
            timeoutMs,
          })
        }
        case 'basic':
          return minted(credential, host, now())
        default:
          throw unsupportedCredential(ecr, credential, host)
      }
    },
  }
  return ecr
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
      'exchange-failed',
      `the password for ${host.name} expired at ${expiresAt.toISOString()}`,
      { hint: 'give AWS keys instead: a password of 12 hours can be minted from them at any time' },
    )
  }
  return { ...login, expiresAt }
}
