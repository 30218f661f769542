import { parseHost } from '../../src/model/host.ts'
import type { CredentialKeys } from '../../src/model/keys.ts'
import { createRegistries, registryOf } from '../../src/registries/all.ts'
import { HOSTS, offline } from '../registries/harness.ts'
import type { Provocation, Provocations } from './stage.ts'

const registries = createRegistries(offline)

const read =
  (kind: keyof typeof HOSTS, keys: CredentialKeys): Provocation =>
  () =>
    registryOf(registries, parseHost(HOSTS[kind])).read(keys)

const AWS = { AWS_ACCESS_KEY_ID: 'AKIA', AWS_SECRET_ACCESS_KEY: 's', AWS_REGION: 'us-east-1' }
const ROLE = 'arn:aws:iam::123456789012:role/Puller'
const TENANT = '72f988bf-86f1-41af-91ab-2d7cd011db47'
const AZURE = { AZURE_CLIENT_ID: TENANT, AZURE_CLIENT_SECRET: 's', AZURE_TENANT_ID: TENANT }

/** What keys of credentials are refused with. */
export const KEYS: Provocations = {
  'half of a pair': read('generic', { USERNAME: 'u' }),
  'half of Docker Hub’s pair': read('dockerhub', { DOCKERHUB_TOKEN: 't' }),
  'half of GitHub’s pair': read('ghcr', { GITHUB_USERNAME: 'u' }),
  'several pairs': read('generic', {
    A_USERNAME: 'a',
    A_PASSWORD: 'p',
    DB_USERNAME: 'd',
    DB_PASSWORD: 'p',
  }),
  'Amazon’s without a region': read('ecr', { ...AWS, AWS_REGION: '' }),
  'Amazon’s without a secret': read('ecr', { AWS_ACCESS_KEY_ID: 'AKIA', AWS_REGION: 'r' }),
  'Amazon’s and a profile': read('ecr', { ...AWS, AWS_PROFILE: 'dev' }),
  'a role that is none': read('ecr', { ...AWS, AWS_ROLE_ARN: 'Puller' }),
  'a session of no role': read('ecr', { ...AWS, AWS_ROLE_SESSION_NAME: 'ci' }),
  'a session of no name': read('ecr', {
    ...AWS,
    AWS_ROLE_ARN: ROLE,
    AWS_ROLE_SESSION_NAME: 'a b',
  }),
  'a project without a token': read('gar', { GCP_PROJECT_ID: 'acme' }),
  'a path for a credential file': read('gar', { GOOGLE_APPLICATION_CREDENTIALS: '/key.json' }),
  'another file than Google’s': read('gar', { GOOGLE_APPLICATION_CREDENTIALS: '{"a":1}' }),
  'a tenant alone': read('acr', { AZURE_TENANT_ID: TENANT }),
  'an application that is none': read('acr', { ...AZURE, AZURE_CLIENT_ID: 'S3CRET' }),
  'a tenant that is none': read('acr', { ...AZURE, AZURE_TENANT_ID: '../common' }),
  'another registry’s, at ECR': read('ecr', { NGC_API_KEY: 'k' }),
  'another registry’s, at Google': read('gar', { NGC_API_KEY: 'k' }),
  'another registry’s, at Azure': read('acr', { NGC_API_KEY: 'k' }),
  'another registry’s, at NGC': read('ngc', { GITHUB_TOKEN: 't' }),
  'another registry’s, at GitHub': read('ghcr', { NGC_API_KEY: 'k' }),
  'another registry’s, at Docker Hub': read('dockerhub', AWS),
  'another registry’s, at any other': read('generic', { NGC_API_KEY: 'k' }),
}
