import type { BuildRegistryConfig } from '../config/config.ts'
import { isOfMachine } from '../model/credential.ts'
import { codeOf, PurserError } from '../model/errors.ts'
import { isWithin } from '../model/grammar.ts'
import type { Host } from '../model/host.ts'
import type { CredentialKeys } from '../model/keys.ts'
import { nameOf, type Target } from '../model/target.ts'
import { registryOf } from '../registries/all.ts'
import type { Registry } from '../registries/registry.ts'
import { parseCredentials, registryNamedIn } from '../request/credentials.ts'
import { hostOfRegistry } from '../request/registry-name.ts'
import { type ContainerRequest, type CredentialField, sourceImageOf } from '../request/request.ts'
import type { Source } from './source.ts'

/** What says whose credential it is, where the request does not. */
export type BuildRegistry = Pick<BuildRegistryConfig, 'host' | 'repository'> | undefined

type Place = Pick<Target, 'host' | 'repository'>

/** Where a credential may be used. */
interface Binding {
  readonly host: Host
  /** The repository that it is for, with all below it; `undefined` for the whole host. */
  readonly repository: string | undefined
}

/** A credential field of a request. */
interface Field {
  readonly name: CredentialField
  /** Where it stands usually. */
  readonly path: string
  /**
   * Whose it is, unless the value names a registry.
   *
   * @throws `request-invalid` if what would say so cannot be read
   */
  belongsTo(request: ContainerRequest, buildRegistry: BuildRegistry): Binding | undefined
}

/** The fields, in the order in which they are asked. */
const FIELDS: readonly Field[] = [
  {
    path: 'request.image_credentials',
    name: 'imageCredentials',
    belongsTo: (request, buildRegistry) => bindingOfSource(request) ?? buildRegistry,
  },
  {
    path: 'request.build_options.source_image_creds',
    name: 'sourceImageCredentials',
    belongsTo: bindingOfSource,
  },
  {
    path: 'request.build_registry_credentials',
    name: 'buildRegistryCredentials',
    belongsTo: (_, buildRegistry) => buildRegistry,
  },
]

/** What a field says: keys and whose they are, or why it cannot be read. */
type Claim = {
  /** `undefined` if it is for nobody, or if it is not known for whom. */
  readonly binding: Binding | undefined
} & ({ readonly keys: CredentialKeys } | { readonly fault: unknown })

export interface RequestSourceOptions {
  readonly registries: readonly Registry[]
  readonly buildRegistry: BuildRegistry
}

/**
 * The sources that a container request is, one for each of its credential fields.
 *
 * Each credential is bound to one host, compared whole: the one that its value names, else the one
 * that its field is about. One that is bound to none is for nobody. A value that cannot be read is a
 * fault for the same host, or, if nothing says which that is, for all.
 */
export function requestSources(
  request: ContainerRequest,
  { registries, buildRegistry }: RequestSourceOptions,
): readonly Source[] {
  return FIELDS.map((field) => ({
    name: field.path,
    async find(target) {
      const claim = claimOf(field, request, buildRegistry)
      if (claim === undefined || !concerns(claim, target)) return undefined
      if ('fault' in claim) throw claim.fault
      const registry = registryOf(registries, target.host)
      const credential = readKeys(registry, claim.keys, pathOf(field, request))
      return { credential, from: field.path }
    },
    whyNot(target) {
      const claim = claimOf(field, request, buildRegistry)
      if (claim === undefined || concerns(claim, target)) return undefined
      return claim.binding === undefined
        ? 'it does not say for which registry it is, and neither does the request'
        : `it is for ${nameOf(claim.binding)}`
    },
  }))
}

/** The hosts for which a request has a credential, readable or not; a fault is told by who asks. */
export function hostsOf(
  request: ContainerRequest,
  { buildRegistry }: { readonly buildRegistry: BuildRegistry },
): readonly Host[] {
  const hosts = new Map<string, Host>()
  for (const field of FIELDS) {
    const host = claimOf(field, request, buildRegistry)?.binding?.host
    if (host !== undefined) hosts.set(host.name, host)
  }
  return [...hosts.values()]
}

/** @returns `undefined` if the field is empty, or says that there is nothing */
function claimOf(
  field: Field,
  request: ContainerRequest,
  buildRegistry: BuildRegistry,
): Claim | undefined {
  const text = request[field.name]?.reveal()
  if (text === undefined) return undefined
  const path = pathOf(field, request)
  const bind = (registry: string | undefined) =>
    registry === undefined ? field.belongsTo(request, buildRegistry) : bindingOf(registry, path)
  try {
    const credentials = parseCredentials(text, path)
    return credentials && { keys: credentials.keys, binding: bind(credentials.registry) }
  } catch (fault) {
    const binding = attempt(() => bind(registryNamedIn(text))) ?? attempt(() => bind(undefined))
    return { fault, binding }
  }
}

/** Whoever sent keys meant to log in, and would wonder why the pull is anonymous. */
function notOfRegistry(): PurserError {
  return new PurserError('credential-incomplete', 'this registry takes none of its keys', {
    hint: 'see docs/request.md for the keys of each registry',
  })
}

/** Of three fields, and several spellings of each, the error says which one. */
function pathOf({ name, path }: Field, { paths }: ContainerRequest): string {
  return paths?.[name] ?? path
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}

function bindingOf(registry: string, path: string): Binding {
  const host = hostOfRegistry(registry)
  if (host !== undefined) return { host, repository: undefined }
  throw new PurserError('request-invalid', `${path}: registry is not a registry's host`)
}

function bindingOfSource(request: ContainerRequest): Binding | undefined {
  const reference = sourceImageOf(request)
  return reference && { host: reference.host, repository: undefined }
}

function concerns(claim: Claim, target: Target): boolean {
  return claim.binding === undefined ? 'fault' in claim : covers(claim.binding, target)
}

/** Whether an image lies where a platform pushes what it builds. */
export function isOfBuildRegistry(image: Place, buildRegistry: BuildRegistry): boolean {
  return buildRegistry !== undefined && covers(buildRegistry, image)
}

/** A client that names no repository asks for the whole host, and means one it may use. */
function covers({ host, repository }: Binding, target: Place): boolean {
  if (host.name !== target.host.name) return false
  if (repository === undefined || target.repository === undefined) return true
  return isWithin(target.repository, repository)
}

/** A request is data from elsewhere: what it names of this machine is not its own to use. */
function ofMachine(): PurserError {
  return new PurserError('policy', 'it names an identity of this machine, and brings none', {
    hint: 'give the credential itself; the operator may lend an identity by [[identity]] and [ambient]',
  })
}

function readKeys(registry: Registry, keys: CredentialKeys, path: string) {
  try {
    const credential = registry.read(keys)
    if (credential === undefined) throw notOfRegistry()
    if (isOfMachine(credential)) throw ofMachine()
    return credential
  } catch (error) {
    throw new PurserError(codeOf(error), `${path} cannot be used`, { cause: error })
  }
}
