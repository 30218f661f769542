import { describe, expect, test } from 'vitest'
import { readAwsKeys } from '../../../src/registries/ecr/keys.ts'

type Keys = Readonly<Record<string, string>>

const ARN = 'arn:aws:iam::123456789012:role/path/to/Puller-1'
const STATIC = { AWS_ACCESS_KEY_ID: 'AKIA', AWS_SECRET_ACCESS_KEY: 's', AWS_REGION: 'eu-west-1' }
const ROLE = { AWS_ROLE_ARN: ARN, AWS_EXTERNAL_ID: 'ext:1/2', AWS_ROLE_SESSION_NAME: 'ci@host' }
const role = { arn: ARN, externalId: 'ext:1/2', sessionName: 'ci@host' }
const plain = { arn: ARN, externalId: undefined, sessionName: undefined }

describe('what names an identity of Amazon', () => {
  test.each<[string, Keys, unknown]>([
    [
      'keys',
      STATIC,
      { kind: 'aws', accessKeyId: 'AKIA', sessionToken: undefined, role: undefined },
    ],
    ['keys that take on a role', { ...STATIC, ...ROLE }, { kind: 'aws', role }],
    ['a profile', { AWS_PROFILE: 'dev' }, { kind: 'ambient-aws', profile: 'dev', role: undefined }],
    ['a profile, wherever', { AWS_PROFILE: 'dev', AWS_REGION: 'x' }, { kind: 'ambient-aws' }],
    [
      'a profile that takes on a role',
      { AWS_PROFILE: 'corp/dev 2', ...ROLE },
      { kind: 'ambient-aws', profile: 'corp/dev 2', role },
    ],
    [
      'a role, by what the machine has',
      { AWS_ROLE_ARN: ARN },
      { kind: 'ambient-aws', profile: undefined, role: plain },
    ],
    [
      'a profile beside a pair',
      { AWS_PROFILE: 'dev', USERNAME: 'u', PASSWORD: 'p' },
      { kind: 'ambient-aws' },
    ],
    ['a pair', { USERNAME: 'AWS', PASSWORD: 'p' }, { kind: 'basic' }],
  ])('%s', (_name, keys, expected) => {
    expect(readAwsKeys(keys)).toMatchObject(expected as object)
  })

  test('nothing is nobody', () => {
    expect(readAwsKeys({})).toBeUndefined()
  })

  test.each<[string, Keys, string]>([
    [
      'keys and a profile',
      { ...STATIC, AWS_PROFILE: 'dev' },
      'AWS_PROFILE and AWS_ACCESS_KEY_ID exclude one another',
    ],
    ['an external id alone', { AWS_EXTERNAL_ID: 'x' }, 'AWS_ROLE_ARN not found or empty'],
    [
      'a session name and keys',
      { ...STATIC, AWS_ROLE_SESSION_NAME: 'x' },
      'AWS_ROLE_ARN not found or empty',
    ],
    [
      'a session name and a profile',
      { AWS_PROFILE: 'p', AWS_ROLE_SESSION_NAME: 'x' },
      'AWS_ROLE_ARN not found or empty',
    ],
    [
      'a role and half a pair',
      { AWS_ROLE_ARN: ARN, AWS_ACCESS_KEY_ID: 'A' },
      'AWS_SECRET_ACCESS_KEY not found or empty',
    ],
    [
      'a user for a role',
      { AWS_ROLE_ARN: 'arn:aws:iam::123456789012:user/x' },
      'AWS_ROLE_ARN "arn:aws:iam::123456789012:user/x" is not a role',
    ],
    [
      'a role of no account',
      { AWS_ROLE_ARN: 'arn:aws:iam::x:role/x' },
      'AWS_ROLE_ARN "arn:aws:iam::x:role/x" is not a role',
    ],
    [
      'a role with an end of line',
      { AWS_ROLE_ARN: `${ARN}\n` },
      `AWS_ROLE_ARN "${ARN}\\n" is not a role`,
    ],
    [
      'a strange session name',
      { AWS_ROLE_ARN: ARN, AWS_ROLE_SESSION_NAME: 'a b' },
      'AWS_ROLE_SESSION_NAME has a character that Amazon does not allow, or a length',
    ],
    [
      'a session name of one letter',
      { AWS_ROLE_ARN: ARN, AWS_ROLE_SESSION_NAME: 'a' },
      'AWS_ROLE_SESSION_NAME has a character that Amazon does not allow, or a length',
    ],
    [
      'a strange external id',
      { AWS_ROLE_ARN: ARN, AWS_EXTERNAL_ID: 'a?b' },
      'AWS_EXTERNAL_ID has a character that Amazon does not allow, or a length',
    ],
    [
      'a profile of two lines',
      { AWS_PROFILE: 'a\n[b]' },
      'AWS_PROFILE has a character that Amazon does not allow, or a length',
    ],
  ])('not %s', (_name, keys, message) => {
    expect(() => readAwsKeys(keys)).toThrow(
      expect.objectContaining({ code: 'credential-incomplete', message }),
    )
  })
})
