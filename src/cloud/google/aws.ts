import type { AwsSecurityCredentialsSupplier } from 'google-auth-library/build/src/auth/awsclient.js'
import { PurserError } from '../../model/errors.ts'
import { quote } from '../../model/host.ts'
import type { AwsIdentity } from '../aws/identity.ts'
import type { GooglePlace } from './place.ts'

/** Where the keys of a machine are asked for if nothing says where it is. */
const ANY_REGION = 'us-east-1'
/** A label of a name: what is signed is for Amazon's own service. */
const REGION = /^[a-z0-9-]{1,63}$/

/**
 * The machine's AWS identity as the SDK takes it: found as for Amazon's registries, so by a profile,
 * a role of Kubernetes or of ECS too, of which the SDK's own knows none.
 *
 * The region is that of the service at which Google has the signature checked: any of them knows
 * the keys of all.
 */
export function awsSupplier(place: GooglePlace): AwsSecurityCredentialsSupplier {
  const { AWS_REGION: named, AWS_DEFAULT_REGION: otherwise } = place.env
  const region = named || otherwise || ANY_REGION
  if (!REGION.test(region)) {
    throw new PurserError('config-invalid', `AWS_REGION ${quote(region)} is not a region`)
  }
  return {
    getAwsRegion: async () => region,
    async getAwsSecurityCredentials() {
      const { keys } = await findKeys(place, region)
      const { accessKeyId, secretAccessKey, sessionToken } = keys
      return {
        accessKeyId,
        secretAccessKey: secretAccessKey.reveal(),
        ...(sessionToken && { token: sessionToken.reveal() }),
      }
    },
  }
}

async function findKeys(place: GooglePlace, region: string): Promise<AwsIdentity> {
  const { findIdentity } = await import('../aws/identity.ts')
  const credential = { kind: 'ambient-aws', profile: undefined, role: undefined } as const
  const found = await findIdentity(credential, { ...place, region, fips: false, dualStack: false })
  if (found !== undefined) return found
  throw new PurserError('exchange-failed', 'this machine has no AWS identity to show to Google', {
    hint: 'the credential file is for a machine of AWS, or one with AWS_PROFILE or keys',
  })
}
