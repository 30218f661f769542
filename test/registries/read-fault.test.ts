import { describe, expect, test } from 'vitest'
import { PurserError } from '../../src/model/errors.ts'
import { parseHost } from '../../src/model/host.ts'
import { CREDENTIAL_KEYS, type CredentialKeys } from '../../src/model/keys.ts'
import { createRegistries, registryOf } from '../../src/registries/all.ts'
import { HOSTS, offline } from './harness.ts'

const registries = createRegistries(offline)

type Kind = keyof typeof HOSTS
type Keys = CredentialKeys

function read(kind: Kind, keys: Keys) {
  return registryOf(registries, parseHost(HOSTS[kind])).read(keys)
}

const AWS = { AWS_ACCESS_KEY_ID: 'AKIA', AWS_SECRET_ACCESS_KEY: 's', AWS_REGION: 'us-east-1' }
const CLIENT = 'a8fdfbd0-da97-42d9-8f1a-fd6a7cb650b4'
const TENANT = '72f988bf-86f1-41af-91ab-2d7cd011db47'
const AZURE = { AZURE_CLIENT_ID: CLIENT, AZURE_CLIENT_SECRET: 's', AZURE_TENANT_ID: TENANT }
const PAIR = { USERNAME: 'u', PASSWORD: 'p' }

const both = (a: string, b: string) => `both ${a} and ${b} must be provided together`
const missing = (key: string) => `${key} not found or empty`

describe('incomplete keys are a fault', () => {
  test.each<[string, Kind, Keys, string]>([
    [
      'ECR without an access key',
      'ecr',
      { AWS_SECRET_ACCESS_KEY: 's', AWS_REGION: 'r' },
      missing('AWS_ACCESS_KEY_ID'),
    ],
    [
      'ECR with an empty one',
      'ecr',
      { ...AWS, AWS_ACCESS_KEY_ID: '' },
      missing('AWS_ACCESS_KEY_ID'),
    ],
    [
      'ECR without a secret key',
      'ecr',
      { AWS_ACCESS_KEY_ID: 'a', AWS_REGION: 'r' },
      missing('AWS_SECRET_ACCESS_KEY'),
    ],
    ['ECR without a region', 'ecr', { ...AWS, AWS_REGION: '' }, missing('AWS_REGION')],
    ['ECR with a region alone', 'ecr', { AWS_REGION: 'r' }, missing('AWS_ACCESS_KEY_ID')],
    ['ECR with a session alone', 'ecr', { AWS_SESSION_TOKEN: 't' }, missing('AWS_ACCESS_KEY_ID')],
    ['GAR with a project alone', 'gar', { GCP_PROJECT_ID: 'p' }, missing('GCP_ACCESS_TOKEN')],
    [
      'Azure without a tenant',
      'acr',
      { ...AZURE, AZURE_TENANT_ID: '' },
      missing('AZURE_TENANT_ID'),
    ],
    [
      'Azure without an application',
      'acr',
      { ...AZURE, AZURE_CLIENT_ID: '' },
      missing('AZURE_CLIENT_ID'),
    ],
    ['Azure with a tenant alone', 'acr', { AZURE_TENANT_ID: TENANT }, missing('AZURE_CLIENT_ID')],
    [
      'Azure with the secret in the place of the application',
      'acr',
      { ...AZURE, AZURE_CLIENT_ID: 'Q~secret' },
      'AZURE_CLIENT_ID is not the id of an application',
    ],
    [
      'Azure with a path in the place of the tenant',
      'acr',
      { ...AZURE, AZURE_TENANT_ID: '../common' },
      'AZURE_TENANT_ID is not a tenant',
    ],
    [
      'GHCR without a token',
      'ghcr',
      { GITHUB_USERNAME: 'u' },
      both('GITHUB_USERNAME', 'GITHUB_TOKEN'),
    ],
    [
      'GHCR without a token, beside a pair',
      'ghcr',
      { ...PAIR, GITHUB_USERNAME: 'u' },
      both('GITHUB_USERNAME', 'GITHUB_TOKEN'),
    ],
    [
      'Docker Hub without a password',
      'dockerhub',
      { DOCKERHUB_USERNAME: 'u' },
      both('DOCKERHUB_USERNAME', 'DOCKERHUB_PASSWORD'),
    ],
    [
      'Docker Hub without a user',
      'dockerhub',
      { DOCKERHUB_PASSWORD: 'p' },
      both('DOCKERHUB_USERNAME', 'DOCKERHUB_PASSWORD'),
    ],
    [
      'Docker Hub with a token alone',
      'dockerhub',
      { DOCKERHUB_TOKEN: 't' },
      both('DOCKERHUB_USERNAME', 'DOCKERHUB_TOKEN'),
    ],
    [
      'Docker Hub with half of its own pair, beside another',
      'dockerhub',
      { ...PAIR, DOCKERHUB_USERNAME: 'u' },
      both('DOCKERHUB_USERNAME', 'DOCKERHUB_PASSWORD'),
    ],
    ['Docker Hub, missing password', 'dockerhub', { USERNAME: 'u' }, both('USERNAME', 'PASSWORD')],
    ['NGC with a user alone', 'ngc', { USERNAME: 'u' }, both('USERNAME', 'PASSWORD')],
    ['any registry with a user', 'generic', { USERNAME: 'u' }, both('USERNAME', 'PASSWORD')],
    ['any registry with a password', 'generic', { PASSWORD: 'p' }, both('USERNAME', 'PASSWORD')],
    [
      'any registry with an empty password',
      'generic',
      { DOCKER_USERNAME: 'u', DOCKER_PASSWORD: '' },
      both('DOCKER_USERNAME', 'DOCKER_PASSWORD'),
    ],
    [
      'any registry with halves of two pairs',
      'generic',
      { REGISTRY_USERNAME: 'u', DOCKER_PASSWORD: 'p' },
      both('REGISTRY_USERNAME', 'REGISTRY_PASSWORD'),
    ],
    [
      'any registry with half a pair of its own',
      'generic',
      { ACME_PASSWORD: 'p' },
      both('ACME_USERNAME', 'ACME_PASSWORD'),
    ],
    [
      'any registry with two pairs, of which one may be a database',
      'generic',
      { ACME_USERNAME: 'a', ACME_PASSWORD: 'ap', DB_USERNAME: 'd', DB_PASSWORD: 'dp' },
      'which keys are for this registry: ACME_USERNAME and ACME_PASSWORD, or DB_USERNAME and DB_PASSWORD',
    ],
  ])('%s', (_name, kind, keys, message) => {
    expect(() => read(kind, keys)).toThrow(
      expect.objectContaining({ code: 'credential-incomplete', message }),
    )
  })
})

describe('keys of another registry log in nowhere else', () => {
  const OWNERS: Readonly<Record<string, readonly Kind[]>> = {
    AWS: ['ecr'],
    GCP: ['gar', 'gcr'],
    NGC: ['ngc'],
    GITHUB: ['ghcr'],
    DOCKERHUB: ['dockerhub'],
    AZURE: ['acr'],
    GOOGLE: ['gar', 'gcr'],
  }
  const foreign = Object.entries(OWNERS).flatMap(([prefix, owners]) =>
    (Object.keys(HOSTS) as Kind[])
      .filter((kind) => !owners.includes(kind))
      .map((kind) => [prefix, kind] as const),
  )

  test.each(foreign)('%s keys at %s', (prefix, kind) => {
    const keys = CREDENTIAL_KEYS.filter((key) => key.startsWith(`${prefix}_`))
    const error = catchError(() =>
      read(kind, Object.fromEntries(keys.map((key) => [key, 'secret']))),
    )
    expect(error).toMatchObject({
      code: 'credential-incomplete',
      hint: expect.stringMatching(/^it takes /),
    })
    expect(error.message).toMatch(new RegExp(`^${keys.join(', ')} cannot log in to `))
    expect(error.message).not.toContain('secret')
  })
})

function catchError(work: () => unknown): PurserError {
  try {
    work()
  } catch (error) {
    if (error instanceof PurserError) return error
  }
  throw new Error('no error of ours')
}
