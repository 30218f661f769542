import { parseHost } from '../model/host.ts'
import { CREDENTIAL_KEYS, type CredentialKeys } from '../model/keys.ts'
import { ANY_PAIRS, requireKey } from '../registries/keys.ts'
import { registryKindOf } from './registry-kind.ts'
import { parseRegistry } from './registry-name.ts'

/** The credential of a registry, by the keys that its users know. */
export interface RegistryCredentials {
  /** The registry's canonical name. */
  readonly registry: string
  /** The registry's own keys, all that it takes and no others; `undefined` if it wants none. */
  readonly keys: CredentialKeys | undefined
}

/** The keys of a kind of registry, beside the user name and the password that any takes. */
interface OwnKeys {
  /** What it cannot do without: it has nothing to give to everybody. */
  readonly required?: string
  readonly names: readonly string[]
}

const AWS_KEYS = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_REGION',
  'AWS_SESSION_TOKEN',
  'AWS_ROLE_ARN',
  'AWS_EXTERNAL_ID',
  'AWS_ROLE_SESSION_NAME',
  'AWS_PROFILE',
]

/** By the names of the kinds. */
const OWN_KEYS: Readonly<Record<string, OwnKeys>> = {
  ecr: { required: 'AWS_ACCESS_KEY_ID', names: AWS_KEYS },
  'ecr-public': { names: AWS_KEYS },
  gar: {
    required: 'GCP_ACCESS_TOKEN',
    names: ['GCP_ACCESS_TOKEN', 'GOOGLE_APPLICATION_CREDENTIALS', 'GCP_PROJECT_ID'],
  },
  acr: {
    required: 'AZURE_CLIENT_ID',
    names: ['AZURE_CLIENT_ID', 'AZURE_CLIENT_SECRET', 'AZURE_TENANT_ID'],
  },
  ngc: { required: 'NGC_API_KEY', names: ['NGC_API_KEY'] },
  ghcr: { names: ['GITHUB_USERNAME', 'GITHUB_TOKEN', 'GITHUB_ACTOR'] },
  dockerhub: { names: ['DOCKERHUB_USERNAME', 'DOCKERHUB_PASSWORD', 'DOCKERHUB_TOKEN'] },
}

/**
 * Picks, of keys that a user has given, those that log in to the registry of an image.
 *
 * @param reference - an image's name, as {@link parseRegistry} reads it
 * @throws `credential-incomplete` naming what is missing: of Amazon ECR, Google, Azure and NGC always,
 * of others if something is there; or naming the keys that are another registry's
 */
export function getRegistryCredentials(
  reference: string,
  keys: CredentialKeys,
): RegistryCredentials {
  const registry = parseRegistry(reference)
  return { registry, keys: keysFor(registry, keys) }
}

/** The keys of Amazon ECR: an access key with its secret and region, and a session's token. */
export function getEcrCredentials(keys: CredentialKeys): CredentialKeys | undefined {
  return keysFor('000000000000.dkr.ecr.us-east-1.amazonaws.com', keys)
}

/** The keys of Google's registries: an access token, or the text of a credential file. */
export function getGarCredentials(keys: CredentialKeys): CredentialKeys | undefined {
  return keysFor('us-docker.pkg.dev', keys)
}

/** The keys of an Azure Container Registry: an application's id, secret and tenant. */
export function getAcrCredentials(keys: CredentialKeys): CredentialKeys | undefined {
  return keysFor('example.azurecr.io', keys)
}

/** The key of NVIDIA NGC. */
export function getNgcCredentials(keys: CredentialKeys): CredentialKeys | undefined {
  return keysFor('nvcr.io', keys)
}

/** The keys of GitHub's container registry: a token, and a user's name if there is one. */
export function getGhcrCredentials(keys: CredentialKeys): CredentialKeys | undefined {
  return keysFor('ghcr.io', keys)
}

/** The keys of Docker Hub: a user's name, with a password or a token. */
export function getDockerHubCredentials(keys: CredentialKeys): CredentialKeys | undefined {
  return keysFor('docker.io', keys)
}

/** The keys of any other registry: a user name and a password, by any of their names. */
export function getGenericCredentials(keys: CredentialKeys): CredentialKeys | undefined {
  return keysFor('registry.example.com', keys)
}

/** Of all variables of an environment, those that are a registry's credential. */
export function parseCredentialsFromEnv(
  env: Readonly<Record<string, string | undefined>>,
): CredentialKeys {
  return pick(env, CREDENTIAL_KEYS)
}

/**
 * Picks the keys that log in to a registry.
 *
 * @param registry - its host
 * @returns `undefined` if it wants none
 * @throws as {@link getRegistryCredentials}
 */
export function keysFor(registry: string, keys: CredentialKeys): CredentialKeys | undefined {
  const kind = registryKindOf(parseHost(registry))
  const { required, names } = OWN_KEYS[kind.name] ?? { names: madeUpKeys(keys) }
  if (kind.read(keys) !== undefined) return pick(keys, [...names, ...ANY_PAIRS.flat()])
  if (required !== undefined) requireKey(keys, required)
  return undefined
}

/** A registry without a kind has keys of any name: `ACME_USERNAME`, `ACME_PASSWORD`. */
function madeUpKeys(keys: CredentialKeys): readonly string[] {
  const isKnown = (key: string) => CREDENTIAL_KEYS.some((each) => each === key)
  return Object.keys(keys).filter((key) => /USERNAME|PASSWORD/.test(key) && !isKnown(key))
}

function pick(
  from: Readonly<Record<string, string | undefined>>,
  names: readonly string[],
): CredentialKeys {
  return Object.fromEntries(
    [...new Set(names)].flatMap((name) => {
      const value = Object.hasOwn(from, name) ? from[name] : undefined
      return value === undefined || value === '' ? [] : [[name, value]]
    }),
  )
}
