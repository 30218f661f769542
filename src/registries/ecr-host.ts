import type { Host } from '../model/host.ts'

/** What the name of a private registry of Amazon's says about it. */
export interface EcrHost {
  readonly account: string
  readonly region: string
  /** Whether it is an endpoint validated for FIPS 140. */
  readonly fips: boolean
  /** Whether it answers over IPv6 too. */
  readonly dualStack: boolean
}

/** The DNS suffixes of Amazon's partitions, under which `dkr.ecr` names are. */
const SUFFIXES = [
  'amazonaws.com',
  'amazonaws.com.cn',
  'amazonaws.eu',
  'c2s.ic.gov',
  'sc2s.sgov.gov',
  'cloud.adc-e.uk',
  'csp.hci.ic.gov',
]
/** And those of the names that answer over IPv6 too, under which `dkr-ecr` names are. */
const DUAL_STACK_SUFFIXES = ['on.aws', 'on.amazonwebservices.com.cn']

const ACCOUNT = /^[0-9]{12}$/
/** `us-east-1`, `us-gov-west-1`, `us-iso-east-1`, `eusc-de-east-1`. */
const REGION = /^[a-z]{2,4}(?:-[a-z]+){1,2}-[0-9]{1,2}$/

/**
 * Reads the name of a private registry: `ACCOUNT.dkr.ecr[-fips].REGION.SUFFIX`, or
 * `ACCOUNT.dkr-ecr[-fips].REGION.SUFFIX` for both IP versions.
 *
 * Label by label and to both ends: whoever owns `…amazonaws.com.evil.example` shall get nothing.
 *
 * @returns `undefined` for any other host
 * @see https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
 */
export function parseEcrHost({ hostname, port }: Host): EcrHost | undefined {
  if (port !== undefined) return undefined
  const labels = hostname.split('.')
  const dualStack = labels[1] !== 'dkr'
  const [account = '', service, region = '', ...suffix] = dualStack
    ? labels
    : labels.toSpliced(1, 2, `${labels[1]}.${labels[2]}`)
  const plain = dualStack ? 'dkr-ecr' : 'dkr.ecr'
  const suffixes = dualStack ? DUAL_STACK_SUFFIXES : SUFFIXES
  const fips = service === `${plain}-fips`
  if (service !== plain && !fips) return undefined
  if (!ACCOUNT.test(account) || !REGION.test(region)) return undefined
  return suffixes.includes(suffix.join('.')) ? { account, region, fips, dualStack } : undefined
}
