import type { Registry } from '../registry.ts'
import { createAmazonExchange } from './exchange.ts'
import { readAwsKeys } from './keys.ts'
import type { EcrApi, EcrOptions } from './login.ts'

/** The second one answers over IPv6 too. */
const HOSTS = new Set(['public.ecr.aws', 'ecr-public.aws.com'])

const HINTS = {
  AccessDenied: 'allow the identity ecr-public:GetAuthorizationToken and sts:GetServiceBearerToken',
  '': 'see the AWS documentation of ecr-public:GetAuthorizationToken; its identities are those of aws',
}

/**
 * Amazon's public registry: without an identity it is anonymous, and gives less in an hour.
 *
 * @see https://docs.aws.amazon.com/AmazonECR/latest/public/public-registry-auth.html
 */
export function createEcrPublic(options: EcrOptions): Registry {
  const exchange = createAmazonExchange(options)
  const ecrPublic: Registry = {
    name: 'ecr-public',
    matches: ({ name }) => HOSTS.has(name),
    read: readAwsKeys,
    audience: () => 'public',
    exchange: (credential, { host }, signal) =>
      exchange(ecrPublic, apiOf(host.name), credential, host, signal),
  }
  return ecrPublic
}

/** Wherever the image is pulled, the login is made in one region, of one partition. */
function apiOf(name: string): EcrApi {
  return {
    service: 'ECR PUBLIC',
    partition: 'aws',
    region: 'us-east-1',
    fips: false,
    dualStack: name === 'ecr-public.aws.com',
    load: async () => (await import('./public-api.ts')).openEcrPublic,
    hints: HINTS,
  }
}
