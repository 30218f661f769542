import type { AmbientAwsCredential, AwsCredential, AwsRole } from '../../model/credential.ts'
import { quote } from '../../model/host.ts'

/** As Amazon makes them; what else stands in an identifier's place may be the secret. */
const ACCESS_KEY_ID = /^A[KS]IA[A-Z0-9]{12,124}$/

/** @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html */
const ROLE_ARN = /^arn:(aws[a-z-]*):iam::[0-9]{12}:role\/[!-~]{1,576}$/

/** The role by its ARN, if it is one. */
export function nameRole({ arn }: AwsRole): string {
  return `role ${ROLE_ARN.test(arn) ? arn : quote(arn)}`
}

/**
 * The partition of Amazon's cloud that a role is of.
 *
 * @returns `undefined` if it is not a role's ARN
 */
export function partitionOfRole(arn: string): string | undefined {
  return ROLE_ARN.exec(arn)?.[1]
}

/** Which identity it is, for people. */
export function nameIdentity(credential: AwsCredential | AmbientAwsCredential): string {
  const own = nameOwn(credential)
  const { role } = credential
  return role === undefined ? own : `${nameRole(role)}, taken on with ${own}`
}

function nameOwn(credential: AwsCredential | AmbientAwsCredential): string {
  if (credential.kind === 'ambient-aws') {
    const { profile } = credential
    return profile === undefined ? "this machine's identity" : `profile ${quote(profile)}`
  }
  return nameKey(credential.accessKeyId)
}

/** A key by its last four letters, which tell it from its neighbours. */
export function nameKey(accessKeyId: string): string {
  return ACCESS_KEY_ID.test(accessKeyId) ? `key …${accessKeyId.slice(-4)}` : 'a key'
}
