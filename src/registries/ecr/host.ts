import type { Host } from '../../model/host.ts'

/** What the name of a private registry of Amazon's says about it. */
export interface EcrHost {
  readonly account: string
  /** The part of Amazon's cloud, as ARNs name it: `aws`, `aws-cn`. */
  readonly partition: string
  readonly region: string
  /** Whether it is an endpoint validated for FIPS 140. */
  readonly fips: boolean
  /** Whether it answers over IPv6 too. */
  readonly dualStack: boolean
}

/** A part of Amazon's cloud that shares no identity with the others. */
interface Partition {
  readonly id: string
  /** What the names of its regions begin with. */
  readonly regions: string
  /** The DNS suffix of its `dkr.ecr` names. */
  readonly suffix: string
  /** That of its `dkr-ecr` names, which answer over IPv6 too. */
  readonly dualStackSuffix?: string
}

/**
 * The last one has every region that is no other's.
 *
 * @see https://github.com/aws/aws-sdk-js-v3/blob/main/packages-internal/core/src/submodules/util-endpoints/lib/aws/partitions.json
 */
const PARTITIONS: readonly Partition[] = [
  {
    id: 'aws-cn',
    regions: 'cn-',
    suffix: 'amazonaws.com.cn',
    dualStackSuffix: 'on.amazonwebservices.com.cn',
  },
  { id: 'aws-eusc', regions: 'eusc-', suffix: 'amazonaws.eu' },
  { id: 'aws-iso', regions: 'us-iso-', suffix: 'c2s.ic.gov' },
  { id: 'aws-iso-b', regions: 'us-isob-', suffix: 'sc2s.sgov.gov' },
  { id: 'aws-iso-e', regions: 'eu-isoe-', suffix: 'cloud.adc-e.uk' },
  { id: 'aws-iso-f', regions: 'us-isof-', suffix: 'csp.hci.ic.gov' },
  {
    id: 'aws-us-gov',
    regions: 'us-gov-',
    suffix: 'amazonaws.com',
    dualStackSuffix: 'on.aws',
  },
  { id: 'aws', regions: '', suffix: 'amazonaws.com', dualStackSuffix: 'on.aws' },
]

const ACCOUNT = /^[0-9]{12}$/
/** `us-east-1`, `us-gov-west-1`, `us-iso-east-1`, `eusc-de-east-1`. */
const REGION = /^[a-z]{2,4}(?:-[a-z]+){1,2}-[0-9]{1,2}$/

/**
 * Reads the name of a private registry: `ACCOUNT.dkr.ecr[-fips].REGION.SUFFIX`, or
 * `ACCOUNT.dkr-ecr[-fips].REGION.SUFFIX` for both IP versions.
 *
 * Label by label and to both ends: whoever owns `…amazonaws.com.evil.example` shall get nothing. The
 * region and the suffix are of one partition, or keys signed for one would log in to another.
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
  const fips = service === `${plain}-fips`
  if (service !== plain && !fips) return undefined
  if (!ACCOUNT.test(account) || !REGION.test(region)) return undefined
  const partition = PARTITIONS.find(({ regions }) => region.startsWith(regions))
  const expected = dualStack ? partition?.dualStackSuffix : partition?.suffix
  if (partition === undefined || suffix.join('.') !== expected) return undefined
  return { account, partition: partition.id, region, fips, dualStack }
}
