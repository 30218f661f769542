import { describe, expect, test } from 'vitest'
import { ask, type Case, IMDS } from './elsewhere.ts'

const CONFIG = '.aws/config'

describe('a machine that has no identity has none to be refused', () => {
  test.each<Case>([
    { name: 'and no metadata service', env: { AWS_EC2_METADATA_DISABLED: 'true' } },
    {
      name: 'and nobody who listens where the service ought to be',
      env: { AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:9' },
    },
    {
      name: 'but a metadata service behind another hop',
      options: { instance: { role: 'node', tokens: 'hop' } },
      calls: [IMDS.token],
    },
    {
      name: 'but a metadata service of the first version, which is not asked',
      options: { instance: { role: 'node', tokens: 'v1' } },
      calls: [IMDS.token],
    },
    {
      name: 'but an instance without a role',
      options: { instance: {} },
      calls: [IMDS.token, IMDS.roles],
    },
    {
      name: 'but a profile that names a region',
      options: { instance: {} },
      files: { [CONFIG]: '[default]\nregion = eu-west-1\n' },
      calls: [IMDS.token, IMDS.roles],
    },
    {
      name: 'at the public registry',
      host: 'public.ecr.aws',
      env: { AWS_EC2_METADATA_DISABLED: 'true' },
    },
  ])('$name', async (each) => {
    const { result, calls } = await ask(each)
    expect(result).toEqual({ miss: true })
    expect(calls).toEqual(each.calls ?? [])
  })
})
