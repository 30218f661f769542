import { partitionOfRole } from '../../cloud/aws/name.ts'
import type { AwsCredential, AwsRole, Credential } from '../../model/credential.ts'
import { PurserError } from '../../model/errors.ts'
import { quote } from '../../model/host.ts'
import { type CredentialKeys, optionalKey } from '../../model/keys.ts'
import { Secret } from '../../model/secret.ts'
import { readPair, refuseForeignKeys, requireKey } from '../keys.ts'

const TAKEN =
  'AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION, or AWS_PROFILE or AWS_ROLE_ARN'

/** @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html */
const SESSION_NAME = /^[\w+=,.@-]{2,64}$/
const EXTERNAL_ID = /^[\w+=,.@:/-]{2,1224}$/
/** What stands in `[profile …]`, and in a shell. */
const PROFILE = /^[\w.@%+/: -]{1,128}$/

/** What says that somebody means keys, rather than the machine's identity. */
const STATIC_KEYS = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']
/** What belongs to a role, and is of no use without. */
const ROLE_KEYS = ['AWS_EXTERNAL_ID', 'AWS_ROLE_SESSION_NAME']

/**
 * Reads the keys by which Amazon's users name an identity: keys of an account, a profile of the
 * machine's files, a role to take on with either or with what the machine has.
 *
 * @returns `undefined` if none of them is there
 * @throws `credential-incomplete` if some are there and others missing, or not what Amazon makes
 */
export function readAwsKeys(keys: CredentialKeys): Credential | undefined {
  const has = (key: string) => optionalKey(keys, key) !== undefined
  const isStatic = STATIC_KEYS.slice(0, 2).some(has)
  const isAmbient = ['AWS_PROFILE', 'AWS_ROLE_ARN'].some(has)
  if (!isStatic && !isAmbient) {
    const pair = readPair(keys)
    if (pair !== undefined) return pair
  }
  const role = readRole(keys)
  if (isAmbient && !STATIC_KEYS.some(has)) {
    return { kind: 'ambient-aws', profile: readProfile(keys), role }
  }
  if (!STATIC_KEYS.some(has) && !has('AWS_REGION')) {
    return refuseForeignKeys(keys, 'Amazon ECR', TAKEN)
  }
  return readStatic(keys, role)
}

function readStatic(keys: CredentialKeys, role: AwsRole | undefined): AwsCredential {
  const sessionToken = optionalKey(keys, 'AWS_SESSION_TOKEN')
  const credential: AwsCredential = {
    kind: 'aws',
    accessKeyId: requireKey(keys, 'AWS_ACCESS_KEY_ID'),
    secretAccessKey: new Secret(requireKey(keys, 'AWS_SECRET_ACCESS_KEY')),
    sessionToken: sessionToken === undefined ? undefined : new Secret(sessionToken),
    role,
  }
  // Asked for because platforms promise it; where the registry is, its name says.
  requireKey(keys, 'AWS_REGION')
  if (optionalKey(keys, 'AWS_PROFILE') === undefined) return credential
  throw new PurserError(
    'credential-incomplete',
    'AWS_PROFILE and AWS_ACCESS_KEY_ID exclude one another',
    {
      hint: 'give the one that is meant',
    },
  )
}

function readProfile(keys: CredentialKeys): string | undefined {
  return checked(keys, 'AWS_PROFILE', PROFILE)
}

function readRole(keys: CredentialKeys): AwsRole | undefined {
  const arn = optionalKey(keys, 'AWS_ROLE_ARN')
  if (arn === undefined) {
    if (ROLE_KEYS.some((key) => optionalKey(keys, key) !== undefined))
      requireKey(keys, 'AWS_ROLE_ARN')
    return undefined
  }
  if (partitionOfRole(arn) === undefined) {
    throw new PurserError('credential-incomplete', `AWS_ROLE_ARN ${quote(arn)} is not a role`, {
      hint: 'write it as arn:aws:iam::123456789012:role/NAME',
    })
  }
  return {
    arn,
    externalId: checked(keys, 'AWS_EXTERNAL_ID', EXTERNAL_ID),
    sessionName: checked(keys, 'AWS_ROLE_SESSION_NAME', SESSION_NAME),
  }
}

function checked(keys: CredentialKeys, key: string, pattern: RegExp): string | undefined {
  const value = optionalKey(keys, key)
  if (value === undefined || pattern.test(value)) return value
  throw new PurserError(
    'credential-incomplete',
    `${key} has a character that Amazon does not allow, or a length`,
  )
}
