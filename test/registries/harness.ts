import type { Host } from '../../src/model/host.ts'
import { DEFAULT_WORKSPACE, type Target } from '../../src/model/target.ts'
import type { RegistriesOptions } from '../../src/registries/all.ts'

/** What registries are made with in tests in which nobody may ask a cloud. */
export const offline = {
  httpsAgent: refuse,
  net: refuse,
  env: {},
  now: () => 0,
} satisfies RegistriesOptions

async function refuse(): Promise<never> {
  throw new Error('nothing here asks a cloud')
}

export function targetOf(host: Host): Target {
  return { workspace: DEFAULT_WORKSPACE, host, repository: undefined, action: 'pull' }
}

/** A registry of each kind; `gcr` is one of Google's as `gar` is. */
export const HOSTS = {
  ecr: '123456789012.dkr.ecr.us-east-1.amazonaws.com',
  gar: 'us-docker.pkg.dev',
  gcr: 'eu.gcr.io',
  acr: 'acmeimages.azurecr.io',
  ngc: 'nvcr.io',
  ghcr: 'ghcr.io',
  dockerhub: 'docker.io',
  generic: 'registry.example:5000',
} as const
