import { describe, expect, test } from 'vitest'
import type { Sections } from '../../../src/cloud/aws/endpoint.ts'
import type { KeySource } from '../../../src/cloud/aws/keys.ts'
import { readProfile } from '../../../src/cloud/aws/profile.ts'

const KEYS = { aws_access_key_id: 'AKIA', aws_secret_access_key: 'secret' }
const A = 'arn:aws:iam::111111111111:role/a'
const B = 'arn:aws:iam::222222222222:role/b'

/** A source in one line, from whom it is to whom it becomes. */
function show(source: KeySource | undefined): string | undefined {
  switch (source?.kind) {
    case 'role':
      return `${show(source.by)} > ${source.role.arn.slice(-6)}`
    case 'keys':
      return `keys ${source.keys.accessKeyId}`
    case 'sso':
    case 'program':
      return `${source.kind} of ${source.profile}`
    default:
      return source?.kind
  }
}

describe('where the keys of a profile come from', () => {
  test.each<[string, Sections, string | undefined]>([
    ['its own', { p: KEYS }, 'keys AKIA'],
    ['nowhere', { p: { region: 'x' } }, undefined],
    [
      'a role by its own keys',
      { p: { ...KEYS, role_arn: A, source_profile: 'p' } },
      'keys AKIA > role/a',
    ],
    ['a role that names nobody, beside keys', { p: { ...KEYS, role_arn: A } }, 'keys AKIA'],
    [
      'roles by roles',
      { p: { role_arn: B, source_profile: 'q' }, q: { role_arn: A, source_profile: 'r' }, r: KEYS },
      'keys AKIA > role/a > role/b',
    ],
    [
      'the keys of a source, whatever role that has',
      { p: { role_arn: B, source_profile: 'q' }, q: { ...KEYS, role_arn: A, source_profile: 'x' } },
      'keys AKIA > role/b',
    ],
    [
      'a source that names another place',
      { p: { role_arn: A, source_profile: 'q' }, q: { credential_source: 'EcsContainer' } },
      'container > role/a',
    ],
    [
      'a role by SSO',
      { p: { role_arn: A, source_profile: 'q' }, q: { sso_session: 's' } },
      'sso of q > role/a',
    ],
    [
      'a role by a program',
      { p: { role_arn: A, source_profile: 'q' }, q: { credential_process: 'x' } },
      'program of q > role/a',
    ],
    ['web identity', { p: { role_arn: A, web_identity_token_file: '/t' } }, 'web-identity'],
    [
      'half a pair of keys is none',
      { p: { aws_access_key_id: 'AKIA', credential_process: 'x' } },
      'program of p',
    ],
  ])('%s', (_name, sections, expected) => {
    expect(show(readProfile(sections, 'p'))).toBe(expected)
  })

  test.each<[string, Sections, string]>([
    ['is not there', {}, `"p" is not in Amazon's`],
    ['is a property of all objects', { q: KEYS }, `"p" is not in Amazon's`],
    [
      'has a source that is not there',
      { p: { role_arn: A, source_profile: 'q' } },
      `"q", which is the source of "p", is not in Amazon's`,
    ],
    [
      'has a source that names nobody',
      { p: { role_arn: A, source_profile: 'q' }, q: {} },
      '"q": it names no identity',
    ],
    ['is its own source', { p: { role_arn: A, source_profile: 'p' } }, 'they go in a circle'],
    [
      'comes round again',
      { p: { role_arn: A, source_profile: 'q' }, q: { role_arn: B, source_profile: 'p' } },
      'they go in a circle',
    ],
    [
      'has two sources',
      { p: { role_arn: A, source_profile: 'q', credential_source: 'Environment' } },
      'either',
    ],
    ['has a role and no source', { p: { role_arn: A } }, 'either'],
    [
      'has a strange source',
      { p: { role_arn: A, credential_source: 'Moon' } },
      '"Moon" is none that Amazon knows',
    ],
    ['has a token and no role', { p: { web_identity_token_file: '/t' } }, 'needs role_arn'],
  ])('a profile that %s', (_name, sections, message) => {
    expect(() => readProfile(sections, 'p')).toThrow(
      expect.objectContaining({
        code: 'credential-incomplete',
        message: expect.stringContaining(message),
      }),
    )
  })

  test('a chain that comes to no end', () => {
    const chain = Array.from({ length: 20 }, (_, i) => [
      i === 0 ? 'p' : `p${i}`,
      { role_arn: A, source_profile: `p${i + 1}` },
    ])
    expect(() => readProfile(Object.fromEntries(chain), 'p')).toThrow('come to no end')
  })
})

test('a login_session is not one that can be used', () => {
  expect(() => readProfile({ p: { login_session: 'x' } }, 'p')).toThrow(
    expect.objectContaining({ code: 'credential-unsupported' }),
  )
})
