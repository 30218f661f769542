import { describe, expect, test } from 'vitest'
import { environmentSource } from '../../src/sources/environment.ts'
import { ask, registries, targetOf } from './harness.ts'

const EVERYTHING = {
  NGC_API_KEY: 'ngc',
  GITHUB_TOKEN: 'ghs',
  GITHUB_ACTOR: 'octocat',
  DOCKERHUB_USERNAME: 'ann',
  DOCKERHUB_TOKEN: 'dckr_pat',
  GCP_ACCESS_TOKEN: 'ya29',
  AZURE_CLIENT_ID: '11111111-2222-3333-4444-555555555555',
  AZURE_CLIENT_SECRET: 'secret',
  AZURE_TENANT_ID: 'corp.example',
  CI_REGISTRY: 'gitlab.example:5050',
  CI_REGISTRY_USER: 'gitlab-ci-token',
  CI_REGISTRY_PASSWORD: 'job',
  USERNAME: 'somebody',
  PASSWORD: 'p',
  REGISTRY_USERNAME: 'u',
  REGISTRY_PASSWORD: 'p',
  DOCKER_USERNAME: 'u',
  DOCKER_PASSWORD: 'p',
  AWS_ACCESS_KEY_ID: 'AKIA',
  AWS_SECRET_ACCESS_KEY: 's',
}

const look = (env: Record<string, string>, place: string) =>
  ask([environmentSource(env, registries)], targetOf(place))

describe('the environment', () => {
  test.each([
    ['nvcr.io', 'NGC_API_KEY of the environment: $oauthtoken ngc'],
    ['ghcr.io', 'GITHUB_TOKEN, GITHUB_ACTOR of the environment: octocat ghs'],
    ['docker.pkg.github.com', 'GITHUB_TOKEN, GITHUB_ACTOR of the environment: octocat ghs'],
    [
      'docker.io/library/alpine',
      'DOCKERHUB_TOKEN, DOCKERHUB_USERNAME of the environment: ann dckr_pat',
    ],
    ['us-docker.pkg.dev', 'GCP_ACCESS_TOKEN of the environment: ya29'],
    [
      'acmecorp.azurecr.io',
      'AZURE_CLIENT_SECRET, AZURE_CLIENT_ID, AZURE_TENANT_ID of the environment: corp.example 11111111-2222-3333-4444-555555555555 secret',
    ],
    [
      'gitlab.example:5050/team/app',
      'CI_REGISTRY_USER, CI_REGISTRY_PASSWORD of the environment: gitlab-ci-token job',
    ],
  ])('has for %s: %s', async (place, shown) => {
    expect(await look(EVERYTHING, place)).toBe(shown)
  })

  test.each([
    'registry.example',
    'gitlab.example',
    'gitlab.example:5051',
    'ghcr.io.evil.example',
    '123456789012.dkr.ecr.us-east-1.amazonaws.com',
  ])('has nothing for %s', async (place) => {
    expect(await look(EVERYTHING, place)).toBe('nothing')
  })

  test.each([
    ['the user alone', { GITHUB_ACTOR: 'octocat' }, 'ghcr.io'],
    [
      'a token of another server',
      { GITHUB_TOKEN: 't', GITHUB_SERVER_URL: 'https://git.corp.example' },
      'ghcr.io',
    ],
    [
      'an identity without its secret',
      { AZURE_CLIENT_ID: 'a', AZURE_TENANT_ID: 't' },
      'acmecorp.azurecr.io',
    ],
    ['an empty token', { NGC_API_KEY: '' }, 'nvcr.io'],
    [
      'a registry that is no host',
      { CI_REGISTRY: 'https://x/', CI_REGISTRY_USER: 'u', CI_REGISTRY_PASSWORD: 'p' },
      'x',
    ],
  ])('%s is nothing', async (_name, env, place) => {
    expect(await look(env, place)).toBe('nothing')
  })

  test('half of a pair is a fault', async () => {
    await expect(look({ DOCKERHUB_TOKEN: 't' }, 'docker.io')).rejects.toMatchObject({
      code: 'credential-incomplete',
      message: 'the environment cannot be used',
      cause: { message: 'both DOCKERHUB_USERNAME and DOCKERHUB_TOKEN must be provided together' },
    })
  })
})
