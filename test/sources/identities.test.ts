import { expect, test } from 'vitest'
import { parseHost } from '../../src/model/host.ts'
import { cloudSource } from '../../src/sources/cloud.ts'
import { identitiesSource } from '../../src/sources/identities.ts'
import { registries, targetOf } from './harness.ts'

const HOST = '123456789012.dkr.ecr.us-east-1.amazonaws.com'
const NEVER = new AbortController().signal
const role = { arn: 'arn:aws:iam::123456789012:role/pull', externalId: 'x', sessionName: undefined }

const identity = (prefix: string, profile: string | undefined, withRole = false) => ({
  host: parseHost(HOST),
  prefix,
  profile,
  role: withRole ? role : undefined,
})

const source = identitiesSource([
  identity('', 'all'),
  identity('team', 'team'),
  identity('team/secret', undefined, true),
])

test.each([
  [HOST, 'all'],
  [`${HOST}/other/app`, 'all'],
  [`${HOST}/teams/app`, 'all'],
  [`${HOST}/team`, 'team'],
  [`${HOST}/team/app`, 'team'],
  [`${HOST}/team/secrets`, 'team'],
])('%s has the profile %s', async (place, profile) => {
  const found = await source.find(targetOf(place), NEVER)
  expect(found).toEqual({
    credential: { kind: 'ambient-aws', profile, role: undefined },
    from: `[[identity]] for ${HOST}${profile === 'team' ? '/team' : ''}: profile ${profile}`,
  })
})

test('a role is taken on for the longest prefix', async () => {
  const found = await source.find(targetOf(`${HOST}/team/secret/app`), NEVER)
  expect(found).toEqual({
    credential: { kind: 'ambient-aws', profile: undefined, role },
    from: `[[identity]] for ${HOST}/team/secret: role ${role.arn}`,
  })
})

test.each(['999999999999.dkr.ecr.us-east-1.amazonaws.com', 'ghcr.io', `${HOST}:444`])(
  'another host has none: %s',
  async (place) => {
    expect(await source.find(targetOf(place), NEVER)).toBeUndefined()
  },
)

test.each([
  [HOST, 'ambient-aws'],
  ['public.ecr.aws', 'ambient-aws'],
  ['us-docker.pkg.dev', 'ambient-gcp'],
  ['gcr.io', 'ambient-gcp'],
  ['acmecorp.azurecr.io', 'ambient-azure'],
  ['ghcr.io', undefined],
  ['docker.io', undefined],
  ['nvcr.io', undefined],
  ['acmecorp.azurecr.io.evil.example', undefined],
])('the machine is to %s: %s', async (place, kind) => {
  const found = await cloudSource(registries).find(targetOf(place), NEVER)
  expect(found?.credential.kind).toBe(kind)
})
