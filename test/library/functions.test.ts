import { describe, expect, test } from 'vitest'
import {
  createProviderFromEnv,
  createSecretName,
  detectCredentialType,
  getCredentialProviderForImage,
  getRegistryCredentials,
  getRegistryTokenForImage,
  marshalCredentials,
  parseCredentials,
  parseCredentialsFromEnv,
  parseRegistry,
  validateOptionalCredentials,
  validateRequiredCredential,
} from '../../src/index.ts'
import { parseVectors } from './vectors.ts'

const vectors = parseVectors()

describe('parseRegistry', () => {
  test.each(vectors.parseRegistry)('%s', (_, reference, registry) => {
    expect(parseRegistry(reference)).toBe(registry)
  })
})

describe('parseCredentialsFromEnv', () => {
  test.each(vectors.parseCredentialsFromEnv)('%s', (_, env, keys) => {
    expect(parseCredentialsFromEnv(env)).toEqual(keys)
  })
})

describe('detectCredentialType', () => {
  test.each(vectors.detectCredentialType)('%s', (_, registry, keys, type) => {
    expect(detectCredentialType(registry, keys)).toBe(type)
  })
})

describe('marshalCredentials', () => {
  test.each(vectors.marshalCredentials)('%s, there and back', (_, registry, type, keys) => {
    const text = marshalCredentials(registry, type, keys)
    expect(JSON.parse(text)).toEqual({ registry, type, credentials: keys })
    const parsed = parseCredentials(text)
    expect(parsed).toEqual({ registry, keys })
    expect(detectCredentialType(registry, parsed?.keys ?? {})).toBe(type)
  })

  test('empty credentials', () => {
    expect(marshalCredentials('docker.io', 'public', {})).toBe('')
  })
})

describe('createSecretName', () => {
  test.each(vectors.createSecretName)('%s', (_, registry, name) => {
    expect(createSecretName(registry)).toBe(name)
  })
})

describe('getRegistryCredentials', () => {
  test.each(vectors.getRegistryCredentials)('%s', (_, reference, keys, registry, own) => {
    expect(getRegistryCredentials(reference, keys)).toEqual({ registry, keys: own ?? undefined })
  })

  test.each(vectors.refusedCredentials)('refuses %s', (_, reference, keys, message) => {
    expect(() => getRegistryCredentials(reference, keys)).toThrow(message)
  })
})

describe('parseCredentials', () => {
  test.each(vectors.parseCredentials)('%s', (_, value, keys) => {
    expect(parseCredentials(value)?.keys).toEqual(keys ?? undefined)
  })

  test('invalid format', () => {
    expect(() => parseCredentials('invalid')).toThrow(
      /^credentials is neither a JSON object nor user:password$/,
    )
  })

  test('JSON with unknown keys, which no registry is given', () => {
    const { keys = {} } = parseCredentials('{"UNKNOWN_KEY":"value","NGC_API_KEY":"key"}') ?? {}
    expect(getRegistryCredentials('nvcr.io/a/b', keys).keys).toEqual({ NGC_API_KEY: 'key' })
  })
})

describe('validateRequiredCredential', () => {
  test.each(vectors.validateRequiredCredential)('%s', (_, keys, expected, isThere) => {
    if (isThere) return expect(validateRequiredCredential(keys, 'KEY')).toBe(expected)
    expect(() => validateRequiredCredential(keys, 'KEY')).toThrow(expected)
  })
})

describe('validateOptionalCredentials', () => {
  test.each(vectors.validateOptionalCredentials)('%s', (_, keys, expected) => {
    const validate = () => validateOptionalCredentials(keys, 'USERNAME', 'PASSWORD')
    if (typeof expected === 'string') return expect(validate).toThrow(expected)
    expect(validate()).toEqual(expected ?? undefined)
  })
})

describe('createProviderFromEnv', () => {
  test.each(vectors.createProviderFromEnv)('%s', async (_, place, names, env, login) => {
    const provider = await createProviderFromEnv(place, names, env)
    const given = await provider.getCredentials(place)
    expect(given).toEqual(login === null ? undefined : { ...login, expiresAt: undefined })
  })

  test.each([
    ['docker.io', 'https://index.docker.io/v1/', true],
    ['docker.io', 'registry-1.docker.io', true],
    ['acme/app', 'docker.io', true],
    ['ubuntu:24.04', 'docker.io', true],
    ['registry.example:5000', 'registry.example:5000', true],
    ['registry.example:5000/a/b:1', 'registry.example:5000', true],
    ['registry.example', 'registry.example.evil.example', false],
    ['registry.example', 'registry.example:5000', false],
    ['registry.example', 'evil.example/registry.example', false],
    ['registry.example', 'not a host', false],
    ['registry.example', '', false],
  ])('of %s, asked for %s: %s', async (place, registry, isGiven) => {
    const env = { USERNAME: 'u', PASSWORD: 'p' }
    const provider = await createProviderFromEnv(place, Object.keys(env), env)
    const login = await provider.getCredentials(registry)
    expect(login).toEqual(isGiven ? { username: 'u', password: 'p' } : undefined)
  })

  test.each([
    [['GITHUB_USERNAME', 'GITHUB_TOKEN'], { GITHUB_USERNAME: 'u' }, 'both GITHUB_USERNAME and'],
    [['NGC_API_KEY'], { NGC_API_KEY: 'k' }, 'NGC_API_KEY cannot log in'],
  ])('refuses %j that do not do', async (names, env, message) => {
    await expect(createProviderFromEnv('ghcr.io', names, env)).rejects.toThrow(message)
  })

  test('takes no name of the prototype for a variable', async () => {
    const provider = await createProviderFromEnv('ghcr.io', ['toString', '__proto__'], {})
    expect(await provider.getCredentials('ghcr.io')).toBeUndefined()
  })
})

describe('getRegistryTokenForImage', () => {
  test.each(vectors.getRegistryTokenForImage)('%s', async (_, place, keys, token) => {
    expect(await getRegistryTokenForImage(place, keys)).toBe(token)
  })

  test.each(vectors.refusedTokens)('refuses %s', async (_, place, keys, message) => {
    await expect(getRegistryTokenForImage(place, keys)).rejects.toThrow(message)
  })
})

describe('getCredentialProviderForImage', () => {
  test.each(vectors.getCredentialProviderForImage)(
    '%s',
    async (_, buildRegistry, reference, request, source) => {
      const text = JSON.stringify(request)
      const choice = await getCredentialProviderForImage(text, reference, { buildRegistry })
      expect(choice.source).toBe(source ?? undefined)
      expect(choice.provider === undefined).toBe(source === null)
      expect(choice.reason).not.toMatch(/:secret|:creds|abc123/)
    },
  )

  test('tells why', async () => {
    const request = {
      image_credentials: '{"registry":"ghcr.io","credentials":{"GITHUB_TOKEN":"t"}}',
      build_registry_credentials: 'u:p',
    }
    const buildRegistry = 'registry.example/builds'
    const ask = (reference: string) =>
      getCredentialProviderForImage(JSON.stringify(request), reference, { buildRegistry })
    expect((await ask('registry.example/builds/a:1')).reason).toBe(
      'request.build_registry_credentials is for registry.example/builds/a; ' +
        'request.image_credentials: it is for ghcr.io; ' +
        'request.build_options.source_image_creds: nothing',
    )
    expect((await ask('quay.io/a/b')).reason).toBe(
      'request.image_credentials: it is for ghcr.io; ' +
        'request.build_options.source_image_creds: nothing; ' +
        'request.build_registry_credentials: it is for registry.example/builds',
    )
  })

  test('refuses a credential for it that cannot be read, and no other', async () => {
    const ask = (registry: string) =>
      getCredentialProviderForImage(
        JSON.stringify({ image_credentials: `{"registry":"${registry}","credentials":7}` }),
        'ghcr.io/a/b',
      )
    await expect(ask('ghcr.io')).rejects.toThrow('request.image_credentials: credentials must be')
    expect((await ask('quay.io')).provider).toBeUndefined()
  })

  test('gives the login that it chose', async () => {
    const request = '{"image_credentials":"u:p"}'
    const { provider } = await getCredentialProviderForImage(request, 'ghcr.io/acme/app')
    expect(await provider?.getCredentials('ghcr.io')).toMatchObject({ username: 'u' })
    expect(await provider?.getCredentials('evil.example')).toBeUndefined()
  })
})
