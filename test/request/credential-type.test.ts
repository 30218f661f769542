import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CREDENTIAL_KEYS } from '../../src/model/keys.ts'
import { type CredentialType, detectCredentialType } from '../../src/request/credential-type.ts'
import { parseCredentials } from '../../src/request/credentials.ts'
import { marshalCredentials } from '../../src/request/marshal.ts'

const ECR = '123456789012.dkr.ecr.us-east-1.amazonaws.com'

interface Case {
  readonly name: string
  readonly registry: string
  readonly keys: Readonly<Record<string, string>>
  readonly type: CredentialType
}

const cases: readonly Case[] = [
  { name: 'no key', registry: 'docker.io', keys: {}, type: 'public' },
  { name: 'no value', registry: ECR, keys: { AWS_ACCESS_KEY_ID: '' }, type: 'public' },
  {
    name: 'a user name and a password',
    registry: 'docker.io',
    keys: { USERNAME: 'user', PASSWORD: 'pass' },
    type: 'basic',
  },
  {
    name: 'a pair that somebody made up',
    registry: 'registry.example.com',
    keys: { ACME_USERNAME: 'user', ACME_PASSWORD: 'pass' },
    type: 'basic',
  },
  {
    name: 'a password of Docker Hub',
    registry: 'docker.io',
    keys: { DOCKERHUB_USERNAME: 'user', DOCKERHUB_PASSWORD: 'pass' },
    type: 'basic',
  },
  {
    name: 'keys of Amazon',
    registry: ECR,
    keys: { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret' },
    type: 'aws',
  },
  { name: 'a registry of Amazon', registry: ECR, keys: { SOME_KEY: 'value' }, type: 'aws' },
  {
    name: 'the public registry of Amazon',
    registry: 'public.ecr.aws',
    keys: { SOME_KEY: 'value' },
    type: 'aws',
  },
  { name: 'a project', registry: 'gcr.io', keys: { GCP_PROJECT_ID: 'project' }, type: 'gcp' },
  {
    name: 'an access token',
    registry: 'us-docker.pkg.dev',
    keys: { GCP_ACCESS_TOKEN: 'ya29' },
    type: 'gcp',
  },
  { name: 'a registry of Google', registry: 'gcr.io', keys: { SOME_KEY: 'value' }, type: 'gcp' },
  {
    name: 'an application',
    registry: 'myregistry.azurecr.io',
    keys: { AZURE_CLIENT_ID: 'client', AZURE_CLIENT_SECRET: 'secret' },
    type: 'azure',
  },
  {
    name: 'a registry of Azure',
    registry: 'myregistry.azurecr.io',
    keys: { SOME_KEY: 'value' },
    type: 'azure',
  },
  { name: 'a key of NGC', registry: 'nvcr.io', keys: { NGC_API_KEY: 'k' }, type: 'token' },
  {
    name: 'a token of GitHub',
    registry: 'ghcr.io',
    keys: { GITHUB_USERNAME: 'u', GITHUB_TOKEN: 't' },
    type: 'token',
  },
  {
    name: 'a token of Docker Hub',
    registry: 'docker.io',
    keys: { DOCKERHUB_USERNAME: 'u', DOCKERHUB_TOKEN: 't' },
    type: 'token',
  },
  // Whole hosts are compared: parts of a name, or of a path, are anybody's.
  {
    name: 'a look-alike of Amazon',
    registry: 'ecr.evil.example',
    keys: { SOME_KEY: 'value' },
    type: 'unknown',
  },
  {
    name: 'a look-alike of Google',
    registry: 'gcr.io.evil.example',
    keys: { SOME_KEY: 'value' },
    type: 'unknown',
  },
  { name: 'what is no host', registry: 'not a host', keys: { SOME_KEY: 'v' }, type: 'unknown' },
]

describe('keys are', () => {
  test.each(cases)('$type: $name', ({ registry, keys, type }) => {
    expect(detectCredentialType(registry, keys)).toBe(type)
  })
})

describe('a credential that is written', () => {
  test('has the registry, the type and the keys', () => {
    const text = marshalCredentials('docker.io', 'basic', { USERNAME: 'u', PASSWORD: 'p' })
    expect(JSON.parse(text)).toEqual({
      registry: 'docker.io',
      type: 'basic',
      credentials: { USERNAME: 'u', PASSWORD: 'p' },
    })
  })

  test.each([[{}], [{ USERNAME: '' }]])('is nothing if nothing is there: %j', (keys) => {
    expect(marshalCredentials('docker.io', 'public', keys)).toBe('')
    expect(parseCredentials('', 'credentials')).toBeUndefined()
  })

  test('is read as it was', () => {
    const value = fc
      .string({ minLength: 1, unit: 'grapheme' })
      .filter((text) => text.isWellFormed())
    const keys = fc.dictionary(fc.constantFrom(...CREDENTIAL_KEYS), value, { minKeys: 1 })
    fc.assert(
      fc.property(keys, (given) => {
        // JSON in a lone password is older clients' way to pass all keys: it is taken apart.
        fc.pre(!given['PASSWORD']?.trimStart().startsWith('{'))
        const type = detectCredentialType('ghcr.io', given)
        const read = parseCredentials(marshalCredentials('ghcr.io', type, given), 'credentials')
        expect(read).toEqual({ registry: 'ghcr.io', keys: { ...given } })
      }),
    )
  })
})
