import { describe, expect, test } from 'vitest'
import { requestSources } from '../../src/sources/request.ts'
import hosts from '../vectors/hosts.json' with { type: 'json' }
import {
  ask,
  askRequest,
  buildRegistry,
  ECR,
  named,
  registries,
  requestOf,
  targetOf,
} from './harness.ts'

const IMAGE = 'request.image_credentials'
const SOURCE = 'request.build_options.source_image_creds'
const BUILD = 'request.build_registry_credentials'

describe('image_credentials belong to', () => {
  test.each<[string, unknown, string, string]>([
    ['the registry they name', { image_credentials: named('ghcr.io') }, 'ghcr.io', 'u p'],
    ['any repository of it', { image_credentials: named('ghcr.io') }, 'ghcr.io/a/b', 'u p'],
    ['it by its URL', { image_credentials: named('https://quay.io/v2/') }, 'quay.io', 'u p'],
    ['it by an image', { image_credentials: named('quay.io/acme/app:1') }, 'quay.io/x', 'u p'],
    [
      "it by a client's spelling",
      { image_credentials: named('docker://QUAY.io') },
      'quay.io',
      'u p',
    ],
    ['it with its port', { image_credentials: named('r.example:5000') }, 'r.example:5000', 'u p'],
    ['Docker Hub', { image_credentials: named('docker.io') }, 'docker.io', 'u p'],
    [
      'Docker Hub, as indexes call it',
      { image_credentials: named('index.docker.io') },
      'docker.io',
      'u p',
    ],
    [
      'Docker Hub, as docker calls it',
      { image_credentials: named('https://index.docker.io/v1/') },
      'registry-1.docker.io',
      'u p',
    ],
    [
      "the source image's registry, if they name none",
      { image_credentials: 'u:p', build_options: { source_image: 'ghcr.io/acme/base:1' } },
      'ghcr.io',
      'u p',
    ],
    [
      "the source image's registry, if they name an empty one",
      { image_credentials: named(''), build_options: { source_image: 'ubuntu' } },
      'docker.io',
      'u p',
    ],
    [
      'the registry they name, before that of the source image',
      { image_credentials: named('quay.io'), build_options: { source_image: 'ghcr.io/a/b' } },
      'quay.io',
      'u p',
    ],
  ])('%s', async (_name, request, place, shown) => {
    expect(await askRequest(request, place)).toBe(`${IMAGE}: ${shown}`)
  })

  test('the build registry, if nothing else says whose they are', async () => {
    const build = buildRegistry('r.example', 'builds')
    expect(await askRequest({ image_credentials: 'u:p' }, 'r.example/builds', build)).toBe(
      `${IMAGE}: u p`,
    )
  })

  test('nobody, if nothing says so', async () => {
    expect(await askRequest({ image_credentials: 'u:p' }, 'docker.io')).toBe('nothing')
  })
})

describe('source_image_creds belong to', () => {
  const request = {
    build_options: {
      source_image: 'nvcr.io/nvidia/pytorch:24.01',
      source_image_creds: '$oauthtoken:k',
    },
  }

  test("the source image's registry", async () => {
    expect(await askRequest(request, 'nvcr.io/nvidia/pytorch')).toBe(`${SOURCE}: $oauthtoken k`)
    expect(await askRequest(request, 'nvcr.io')).toBe(`${SOURCE}: $oauthtoken k`)
    expect(await askRequest(request, 'ghcr.io')).toBe('nothing')
  })

  test('nobody without a source image, not even the build registry', async () => {
    const build = buildRegistry('r.example')
    expect(await askRequest({ source_image_creds: 'u:p' }, 'r.example', build)).toBe('nothing')
  })

  test('the registry they name without a source image', async () => {
    expect(await askRequest({ source_image_creds: named('quay.io') }, 'quay.io')).toBe(
      `${SOURCE}: u p`,
    )
  })
})

describe('build_registry_credentials belong to', () => {
  const request = { build_registry_credentials: 'AWS:minted', source_image: 'ghcr.io/a/b' }

  test.each([
    [`${ECR}/builds`, true],
    [`${ECR}/builds/abc`, true],
    [ECR, true],
    [`${ECR}/builds-evil`, false],
    [`${ECR}/evil/builds`, false],
    [`${ECR}/build`, false],
    ['ghcr.io/builds', false],
    [`${ECR}.evil.example/builds`, false],
  ])('the build registry and its repository: %s is %s', async (place, isIts) => {
    const answer = await askRequest(request, place, buildRegistry(ECR, 'builds'))
    expect(answer).toBe(isIts ? `${BUILD}: AWS minted` : 'nothing')
  })

  test('all of the build registry if it has no repository', async () => {
    expect(await askRequest(request, `${ECR}/x`, buildRegistry(ECR))).toBe(`${BUILD}: AWS minted`)
  })

  test('nobody without a build registry', async () => {
    expect(await askRequest(request, ECR)).toBe('nothing')
  })
})

describe('each kind of registry reads its own keys', () => {
  test.each<[string, unknown, string]>([
    ['ghcr.io', { GITHUB_USERNAME: 'u', GITHUB_TOKEN: 't' }, 'u t'],
    ['ghcr.io', { GITHUB_TOKEN: 't' }, 'x-access-token t'],
    ['nvcr.io', { NGC_API_KEY: 'k' }, '$oauthtoken k'],
    ['docker.io', { DOCKERHUB_USERNAME: 'u', DOCKERHUB_PASSWORD: 'p' }, 'u p'],
    ['us-docker.pkg.dev', { GCP_ACCESS_TOKEN: 'ya29' }, 'ya29'],
    [ECR, { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 's', AWS_REGION: 'us-east-1' }, 'a s '],
    ['r.example:5000', { USERNAME: 'u', PASSWORD: 'p' }, 'u p'],
  ])('%s', async (registry, keys, shown) => {
    const request = { image_credentials: named(registry, keys) }
    expect(await askRequest(request, registry)).toBe(`${IMAGE}: ${shown}`)
  })
})

test('a registry that only looks like the one that was named gets nothing', async () => {
  const own = Object.values(hosts.registries).flat()
  const lookAlikes = Object.values(hosts.lookAlikes).flat()
  const fallible = async (registry: string, place: string) => {
    const sources = requestSources(requestOf({ image_credentials: named(registry) }), {
      registries,
      buildRegistry: undefined,
    })
    return ask(sources, targetOf(place)).catch(() => 'fault')
  }
  for (const registry of own) {
    for (const place of ['ghcr.io.evil.example', `${registry.split(':')[0]}.evil.example`]) {
      if (!registry.startsWith('[')) expect(await fallible(registry, place)).toBe('nothing')
    }
  }
  for (const registry of lookAlikes) {
    for (const place of ['ghcr.io', 'docker.io', ECR, 'gcr.io', 'us-docker.pkg.dev', 'nvcr.io']) {
      const text = registry.replace(/^(?:https?:)?\/\//, '').replace(/\/.*$/, '')
      if (text.toLowerCase() === place) continue
      expect(['nothing', 'fault']).toContain(await fallible(registry, place))
    }
  }
})

test.each(['acme/app', 'acme/app:1', 'library/alpine'])(
  'an image without a host names no registry: %s',
  async (registry) => {
    for (const place of ['acme', 'docker.io', 'ghcr.io']) {
      await expect(askRequest({ image_credentials: named(registry) }, place)).rejects.toMatchObject(
        {
          code: 'request-invalid',
          message: "request.image_credentials: registry is not a registry's host",
        },
      )
    }
  },
)

test.each([
  ['a profile', ECR, { AWS_PROFILE: 'prod' }],
  ['a role of the machine', ECR, { AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/pull' }],
  [
    'a file of the machine',
    'us-docker.pkg.dev',
    {
      GOOGLE_APPLICATION_CREDENTIALS: JSON.stringify({
        type: 'external_account',
        audience:
          '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q',
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        token_url: 'https://sts.googleapis.com/v1/token',
        credential_source: { file: '/etc/passwd' },
      }),
    },
  ],
  [
    'an identity of the machine',
    'acmecorp.azurecr.io',
    { AZURE_CLIENT_ID: '11111111-2222-3333-4444-555555555555' },
  ],
])('a request cannot borrow %s', async (_name, host, keys) => {
  await expect(askRequest({ image_credentials: named(host, keys) }, host)).rejects.toMatchObject({
    code: 'policy',
    message: `${IMAGE} cannot be used`,
    cause: { message: 'it names an identity of this machine, and brings none' },
  })
})
