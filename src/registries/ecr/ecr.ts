import { type Registry, unsupportedCredential } from '../registry.ts'
import { createAmazonExchange } from './exchange.ts'
import { type EcrHost, parseEcrHost } from './host.ts'
import { readAwsKeys } from './keys.ts'
import type { EcrApi, EcrOptions } from './login.ts'

const HINTS = {
  AccessDenied: 'allow the identity ecr:GetAuthorizationToken',
  '': 'see the AWS documentation of ecr:GetAuthorizationToken',
}

/**
 * Amazon's private registries: an identity of an account is exchanged for a password of 12 hours.
 *
 * @see https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
 */
export function createEcr(options: EcrOptions): Registry {
  const exchange = createAmazonExchange(options)
  const ecr: Registry = {
    name: 'ecr',
    matches: (host) => parseEcrHost(host) !== undefined,
    read: readAwsKeys,
    // A token serves every registry that its identity may use in a region (GetAuthorizationToken's
    // own documentation); one that was asked of a FIPS endpoint is not replaced by one that was not.
    audience: (host) => {
      const place = parseEcrHost(host)
      return `${place?.region} ${place?.fips}`
    },
    async exchange(credential, { host }, signal) {
      const place = parseEcrHost(host)
      if (place === undefined) throw unsupportedCredential(ecr, credential, host)
      return exchange(ecr, apiOf(place), credential, host, signal)
    },
  }
  return ecr
}

function apiOf({ partition, region, fips, dualStack }: EcrHost): EcrApi {
  return {
    service: 'ECR',
    partition,
    region,
    fips,
    dualStack,
    load: async () => (await import('./api.ts')).openEcr,
    hints: HINTS,
  }
}
