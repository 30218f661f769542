import { describe, expect, test } from 'vitest'
import {
  getAcrCredentials,
  getDockerHubCredentials,
  getEcrCredentials,
  getGarCredentials,
  getGenericCredentials,
  getGhcrCredentials,
  getNgcCredentials,
  getRegistryCredentials,
  parseCredentialsFromEnv,
} from '../../src/request/registry-credentials.ts'

type Keys = Readonly<Record<string, string>>

const AWS: Keys = {
  AWS_ACCESS_KEY_ID: 'AKIA',
  AWS_SECRET_ACCESS_KEY: 'secret',
  AWS_REGION: 'us-east-1',
}
const AZURE: Keys = {
  AZURE_CLIENT_ID: '00000000-0000-0000-0000-000000000001',
  AZURE_CLIENT_SECRET: 's',
  AZURE_TENANT_ID: '00000000-0000-0000-0000-000000000002',
}
const OTHERS: Keys = { HOME: '/root', DATABASE_URL: 'postgres://' }

/** What each registry's function makes of keys: keys, nothing, or an error's text. */
const cases: readonly [
  string,
  (keys: Keys) => Keys | undefined,
  Keys,
  Keys | undefined | string,
][] = [
  ['ECR: all', getEcrCredentials, { ...AWS, ...OTHERS }, AWS],
  [
    'ECR: a session',
    getEcrCredentials,
    { ...AWS, AWS_SESSION_TOKEN: 't' },
    { ...AWS, AWS_SESSION_TOKEN: 't' },
  ],
  ['ECR: nothing', getEcrCredentials, {}, 'AWS_ACCESS_KEY_ID not found or empty'],
  [
    'ECR: no secret',
    getEcrCredentials,
    { ...AWS, AWS_SECRET_ACCESS_KEY: '' },
    'AWS_SECRET_ACCESS_KEY not found or empty',
  ],
  [
    'ECR: no region',
    getEcrCredentials,
    { ...AWS, AWS_REGION: '' },
    'AWS_REGION not found or empty',
  ],
  [
    'ECR: a minted password',
    getEcrCredentials,
    { USERNAME: 'AWS', PASSWORD: 'p' },
    { USERNAME: 'AWS', PASSWORD: 'p' },
  ],
  [
    'GAR: a token',
    getGarCredentials,
    { GCP_ACCESS_TOKEN: 'ya29', GCP_PROJECT_ID: 'p', ...OTHERS },
    { GCP_ACCESS_TOKEN: 'ya29', GCP_PROJECT_ID: 'p' },
  ],
  ['GAR: nothing', getGarCredentials, {}, 'GCP_ACCESS_TOKEN not found or empty'],
  [
    'GAR: a project alone',
    getGarCredentials,
    { GCP_PROJECT_ID: 'p' },
    'GCP_ACCESS_TOKEN not found or empty',
  ],
  ['ACR: an application', getAcrCredentials, { ...AZURE, ...OTHERS }, AZURE],
  ['ACR: nothing', getAcrCredentials, {}, 'AZURE_CLIENT_ID not found or empty'],
  ['NGC: a key', getNgcCredentials, { NGC_API_KEY: 'k', ...OTHERS }, { NGC_API_KEY: 'k' }],
  ['NGC: nothing', getNgcCredentials, {}, 'NGC_API_KEY not found or empty'],
  [
    'GHCR: a token and its user',
    getGhcrCredentials,
    { GITHUB_USERNAME: 'u', GITHUB_TOKEN: 't', ...OTHERS },
    { GITHUB_USERNAME: 'u', GITHUB_TOKEN: 't' },
  ],
  ['GHCR: a token', getGhcrCredentials, { GITHUB_TOKEN: 't' }, { GITHUB_TOKEN: 't' }],
  [
    'GHCR: a user alone',
    getGhcrCredentials,
    { GITHUB_USERNAME: 'u' },
    'both GITHUB_USERNAME and GITHUB_TOKEN must be provided together',
  ],
  ['GHCR: nothing, for what is public', getGhcrCredentials, OTHERS, undefined],
  [
    'Docker Hub: a password',
    getDockerHubCredentials,
    { DOCKERHUB_USERNAME: 'u', DOCKERHUB_PASSWORD: 'p' },
    { DOCKERHUB_USERNAME: 'u', DOCKERHUB_PASSWORD: 'p' },
  ],
  [
    'Docker Hub: a token',
    getDockerHubCredentials,
    { DOCKERHUB_USERNAME: 'u', DOCKERHUB_TOKEN: 't' },
    { DOCKERHUB_USERNAME: 'u', DOCKERHUB_TOKEN: 't' },
  ],
  [
    'Docker Hub: any registry’s pair',
    getDockerHubCredentials,
    { REGISTRY_USERNAME: 'u', REGISTRY_PASSWORD: 'p' },
    { REGISTRY_USERNAME: 'u', REGISTRY_PASSWORD: 'p' },
  ],
  [
    'Docker Hub: half of a pair',
    getDockerHubCredentials,
    { DOCKERHUB_USERNAME: 'u' },
    'both DOCKERHUB_USERNAME and DOCKERHUB_PASSWORD must be provided together',
  ],
  ['Docker Hub: nothing, for what is public', getDockerHubCredentials, {}, undefined],
  [
    'any: a pair',
    getGenericCredentials,
    { USERNAME: 'u', PASSWORD: 'p', ...OTHERS },
    { USERNAME: 'u', PASSWORD: 'p' },
  ],
  [
    'any: a pair of a user’s own',
    getGenericCredentials,
    { ACME_USERNAME: 'u', ACME_PASSWORD: 'p' },
    { ACME_USERNAME: 'u', ACME_PASSWORD: 'p' },
  ],
  [
    'any: a key of another',
    getGenericCredentials,
    { NGC_API_KEY: 'k' },
    'NGC_API_KEY cannot log in to this registry',
  ],
  ['any: nothing', getGenericCredentials, {}, undefined],
]

describe('the keys of a registry', () => {
  test.each(cases)('%s', (_, read, keys, expected) => {
    if (typeof expected === 'string') return expect(() => read(keys)).toThrow(expected)
    expect(read(keys)).toEqual(expected)
  })
})

describe('an image’s registry says which keys count', () => {
  test.each([
    [
      '123456789012.dkr.ecr.us-east-1.amazonaws.com/app',
      AWS,
      '123456789012.dkr.ecr.us-east-1.amazonaws.com',
    ],
    ['us-docker.pkg.dev/p/r/app:1', { GCP_ACCESS_TOKEN: 't' }, 'us-docker.pkg.dev'],
    ['eu.gcr.io/p/app', { GCP_ACCESS_TOKEN: 't' }, 'eu.gcr.io'],
    ['nvcr.io/nvidia/pytorch', { NGC_API_KEY: 'k' }, 'nvcr.io'],
    ['ghcr.io/acme/app', { GITHUB_TOKEN: 't' }, 'ghcr.io'],
    ['acmecorp.azurecr.io/app', AZURE, 'acmecorp.azurecr.io'],
    ['acme/app', { DOCKERHUB_USERNAME: 'u', DOCKERHUB_PASSWORD: 'p' }, 'docker.io'],
    [
      'registry.example.com:5000/app',
      { USERNAME: 'u', PASSWORD: 'p' },
      'registry.example.com:5000',
    ],
  ])('%s', (reference, keys, registry) => {
    expect(getRegistryCredentials(reference, keys)).toEqual({ registry, keys })
  })

  test.each([['ghcr.io.evil.example/acme/app'], ['evil.example/ghcr.io/app']])(
    'and a look-alike gets nothing: %s',
    (reference) => {
      expect(() => getRegistryCredentials(reference, { GITHUB_TOKEN: 't' })).toThrow(
        'GITHUB_TOKEN cannot log in to this registry',
      )
    },
  )
})

test('of an environment, the credentials alone are taken', () => {
  expect(
    parseCredentialsFromEnv({ ...AWS, ...OTHERS, USERNAME: '', NGC_API_KEY: undefined }),
  ).toEqual(AWS)
  expect(parseCredentialsFromEnv(OTHERS)).toEqual({})
})
