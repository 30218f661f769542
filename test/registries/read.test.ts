import { describe, expect, test } from 'vitest'
import type { Credential } from '../../src/model/credential.ts'
import { parseHost } from '../../src/model/host.ts'
import { CREDENTIAL_KEYS, type CredentialKeys } from '../../src/model/keys.ts'
import { Secret } from '../../src/model/secret.ts'
import { createRegistries, registryOf } from '../../src/registries/all.ts'
import { HOSTS, offline } from './harness.ts'

const registries = createRegistries(offline)

type Kind = keyof typeof HOSTS
type Keys = CredentialKeys

function read(kind: Kind, keys: Keys): Credential | undefined {
  return registryOf(registries, parseHost(HOSTS[kind])).read(keys)
}

/** `kind fields…`, with secrets in the clear. */
function show(credential: Credential | undefined): string | undefined {
  if (credential === undefined) return undefined
  return Object.entries(credential)
    .filter(([name]) => name !== 'role')
    .map(([, value]) => value)
    .map((value) => (value instanceof Secret ? value.reveal() : value))
    .join(' ')
}

const AWS = { AWS_ACCESS_KEY_ID: 'AKIA', AWS_SECRET_ACCESS_KEY: 's', AWS_REGION: 'us-east-1' }
const CLIENT = 'a8fdfbd0-da97-42d9-8f1a-fd6a7cb650b4'
const TENANT = '72f988bf-86f1-41af-91ab-2d7cd011db47'
const AZURE = { AZURE_CLIENT_ID: CLIENT, AZURE_CLIENT_SECRET: 's', AZURE_TENANT_ID: TENANT }
const PAIR = { USERNAME: 'u', PASSWORD: 'p' }

describe('the keys of', () => {
  test.each<[string, Kind, Keys, string]>([
    ['ECR', 'ecr', AWS, 'aws AKIA s '],
    ['ECR, with a session token', 'ecr', { ...AWS, AWS_SESSION_TOKEN: 't' }, 'aws AKIA s t'],
    ['ECR, with an empty session token', 'ecr', { ...AWS, AWS_SESSION_TOKEN: '' }, 'aws AKIA s '],
    ['ECR, before a pair', 'ecr', { ...PAIR, ...AWS }, 'aws AKIA s '],
    ['ECR, minted', 'ecr', { USERNAME: 'AWS', PASSWORD: 'tok' }, 'basic AWS tok'],
    ['ECR, minted, in a region', 'ecr', { ...PAIR, AWS_REGION: 'us-east-1' }, 'basic u p'],
    ['GAR', 'gar', { GCP_ACCESS_TOKEN: 'ya29.x' }, 'gcp-token ya29.x'],
    ['GAR, of a project', 'gar', { GCP_ACCESS_TOKEN: 't', GCP_PROJECT_ID: 'x' }, 'gcp-token t'],
    ['GAR, before a pair', 'gar', { ...PAIR, GCP_ACCESS_TOKEN: 't' }, 'gcp-token t'],
    [
      'GAR, minted',
      'gar',
      { USERNAME: 'oauth2accesstoken', PASSWORD: 'ya29' },
      'basic oauth2accesstoken ya29',
    ],
    [
      'GAR, of a service account',
      'gar',
      { USERNAME: '_json_key', PASSWORD: '{"type":"service_account"}' },
      'basic _json_key {"type":"service_account"}',
    ],
    ['GCR', 'gcr', { GCP_ACCESS_TOKEN: 't' }, 'gcp-token t'],
    ['Azure', 'acr', AZURE, `azure ${TENANT} ${CLIENT} s`],
    [
      'Azure, with a domain for its tenant',
      'acr',
      { ...AZURE, AZURE_TENANT_ID: 'acme.onmicrosoft.com' },
      `azure acme.onmicrosoft.com ${CLIENT} s`,
    ],
    ['Azure, before a pair', 'acr', { ...PAIR, ...AZURE }, `azure ${TENANT} ${CLIENT} s`],
    ['Azure, of this machine', 'acr', { AZURE_CLIENT_ID: CLIENT }, `ambient-azure ${CLIENT}`],
    [
      'Azure, of this machine, as a workload identity is told',
      'acr',
      { AZURE_CLIENT_ID: CLIENT, AZURE_TENANT_ID: TENANT },
      `ambient-azure ${CLIENT}`,
    ],
    ['Azure, as a pair', 'acr', PAIR, 'basic u p'],
    ['NGC', 'ngc', { NGC_API_KEY: 'nvapi-x' }, 'basic $oauthtoken nvapi-x'],
    ['NGC, before a pair', 'ngc', { ...PAIR, NGC_API_KEY: 'k' }, 'basic $oauthtoken k'],
    ['NGC, as a pair', 'ngc', { USERNAME: '$oauthtoken', PASSWORD: 'k' }, 'basic $oauthtoken k'],
    ['GHCR', 'ghcr', { GITHUB_USERNAME: 'u', GITHUB_TOKEN: 'ghp_x' }, 'basic u ghp_x'],
    ['GHCR, without a user', 'ghcr', { GITHUB_TOKEN: 'ghp_x' }, 'basic x-access-token ghp_x'],
    [
      'GHCR, with an empty user',
      'ghcr',
      { GITHUB_USERNAME: '', GITHUB_TOKEN: 't' },
      'basic x-access-token t',
    ],
    [
      'GHCR, in a workflow',
      'ghcr',
      { GITHUB_ACTOR: 'octocat', GITHUB_TOKEN: 'ghs_x' },
      'basic octocat ghs_x',
    ],
    [
      'GHCR, in a workflow, of another user',
      'ghcr',
      { GITHUB_ACTOR: 'octocat', GITHUB_USERNAME: 'u', GITHUB_TOKEN: 'ghs_x' },
      'basic u ghs_x',
    ],
    ['GHCR, in a workflow, as a pair', 'ghcr', { ...PAIR, GITHUB_ACTOR: 'octocat' }, 'basic u p'],
    ['GHCR, before a pair', 'ghcr', { ...PAIR, GITHUB_TOKEN: 't' }, 'basic x-access-token t'],
    ['GHCR, as a pair', 'ghcr', PAIR, 'basic u p'],
    [
      'Docker Hub',
      'dockerhub',
      { DOCKERHUB_USERNAME: 'user1', DOCKERHUB_PASSWORD: 'pass1' },
      'basic user1 pass1',
    ],
    [
      'Docker Hub, with a token',
      'dockerhub',
      { DOCKERHUB_USERNAME: 'u', DOCKERHUB_TOKEN: 'dckr_pat_x' },
      'basic u dckr_pat_x',
    ],
    [
      'Docker Hub, with a password before a token',
      'dockerhub',
      { DOCKERHUB_USERNAME: 'u', DOCKERHUB_PASSWORD: 'p', DOCKERHUB_TOKEN: 't' },
      'basic u p',
    ],
    ['Docker Hub, as a generic pair', 'dockerhub', PAIR, 'basic u p'],
    [
      "Docker Hub, as a registry's pair",
      'dockerhub',
      { REGISTRY_USERNAME: 'user3', REGISTRY_PASSWORD: 'pass3' },
      'basic user3 pass3',
    ],
    [
      'Docker Hub, the own pair first',
      'dockerhub',
      { ...PAIR, DOCKERHUB_USERNAME: 'd', DOCKERHUB_PASSWORD: 'dp' },
      'basic d dp',
    ],
    [
      'Docker Hub, then a generic pair',
      'dockerhub',
      { REGISTRY_USERNAME: 'r', REGISTRY_PASSWORD: 'rp', ...PAIR },
      'basic u p',
    ],
    ['any registry', 'generic', PAIR, 'basic u p'],
    [
      'any registry, REGISTRY_ first',
      'generic',
      {
        ...PAIR,
        DOCKER_USERNAME: 'd',
        DOCKER_PASSWORD: 'dp',
        REGISTRY_USERNAME: 'r',
        REGISTRY_PASSWORD: 'rp',
      },
      'basic r rp',
    ],
    [
      'any registry, DOCKER_ second',
      'generic',
      { ...PAIR, DOCKER_USERNAME: 'd', DOCKER_PASSWORD: 'dp' },
      'basic d dp',
    ],
    [
      'any registry, by its own name',
      'generic',
      { ACME_USERNAME: 'a', ACME_PASSWORD: 'ap' },
      'basic a ap',
    ],
    [
      'any registry, by a name in the middle',
      'generic',
      { ACME_USERNAME_PROD: 'a', ACME_PASSWORD_PROD: 'ap', ACME_URL: 'x' },
      'basic a ap',
    ],
    [
      'any registry, a plain pair before two named ones',
      'generic',
      { ...PAIR, A_USERNAME: 'a', A_PASSWORD: 'ap', B_USERNAME: 'b', B_PASSWORD: 'bp' },
      'basic u p',
    ],
  ])('%s', (_name, kind, keys, shown) => {
    expect(show(read(kind, keys))).toBe(shown)
  })
})

describe('public access', () => {
  test.each(Object.keys(HOSTS) as Kind[])('of %s needs no key', (kind) => {
    expect(read(kind, {})).toBeUndefined()
    expect(read(kind, { RANDOM: 'value', CONTAINER_NAME: 'x' })).toBeUndefined()
    const empty = Object.fromEntries(CREDENTIAL_KEYS.map((key) => [key, '']))
    expect(read(kind, empty)).toBeUndefined()
  })

  test('is not what a key of the prototype ends', () => {
    expect(read('ngc', Object.create({ NGC_API_KEY: 'k' }))).toBeUndefined()
  })
})
