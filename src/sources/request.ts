import type { Config } from '../config.ts'
import { PurserError } from '../model/errors.ts'
import { type Host, parseHost } from '../model/host.ts'
import { parseReference } from '../model/reference.ts'
import type { Secret } from '../model/secret.ts'
import type { Target } from '../model/target.ts'
import { registryOf } from '../registries/all.ts'
import type { Registry } from '../registries/registry.ts'
import { parseCredentials, type RequestCredentials } from '../request/credentials.ts'
import type { ContainerRequest } from '../request/request.ts'
import type { Source } from './source.ts'

/** What says whose credential it is, where the request does not. */
export type BuildRegistry = Config['buildRegistry']

/** Where a credential may be used. */
interface Binding {
  readonly host: Host
  /** The repository that it is for, with all below it; `undefined` for the whole host. */
  readonly repository: string | undefined
}

/** A credential field of a request. */
interface Field {
  readonly path: string
  value(request: ContainerRequest): Secret | undefined
  /** Whose it is, unless the value names a registry. */
  belongsTo(request: ContainerRequest, buildRegistry: BuildRegistry): Binding | undefined
}

/** The fields, in the order in which they are asked. */
const FIELDS: readonly Field[] = [
  {
    path: 'request.image_credentials',
    value: (request) => request.imageCredentials,
    belongsTo: (request, buildRegistry) => sourceImageOf(request) ?? buildRegistry,
  },
  {
    path: 'request.build_options.source_image_creds',
    value: (request) => request.sourceImageCredentials,
    belongsTo: sourceImageOf,
  },
  {
    path: 'request.build_registry_credentials',
    value: (request) => request.buildRegistryCredentials,
    belongsTo: (_, buildRegistry) => buildRegistry,
  },
]

export interface RequestSourceOptions {
  readonly registries: readonly Registry[]
  readonly buildRegistry: BuildRegistry
}

/**
 * The sources that a container request is, one for each of its credential fields.
 *
 * Each credential is bound to one host, compared whole: the one that its value names, else the one
 * that its field is about. One that is bound to none is for nobody. A value that cannot be read is a
 * fault for its host, or, as that may be unknown then, for all.
 */
export function requestSources(
  request: ContainerRequest,
  { registries, buildRegistry }: RequestSourceOptions,
): readonly Source[] {
  return FIELDS.map((field) => ({
    name: field.path,
    async find(target) {
      const value = field.value(request)
      if (value === undefined) return undefined
      const fallback = field.belongsTo(request, buildRegistry)
      const credentials = read(value, field, fallback, target)
      if (credentials === undefined) return undefined
      const binding = bindingOf(credentials, field, fallback)
      if (binding === undefined || !covers(binding, target)) return undefined
      const credential = registryOf(registries, target.host).read(credentials.keys)
      return credential && { credential, from: field.path }
    },
  }))
}

/** The hosts for which a request has a credential, readable or not. */
export function hostsOf(
  request: ContainerRequest,
  { buildRegistry }: { readonly buildRegistry: BuildRegistry },
): readonly Host[] {
  const hosts = new Map<string, Host>()
  for (const field of FIELDS) {
    const value = field.value(request)
    if (value === undefined) continue
    const host = hostOf(value, field, field.belongsTo(request, buildRegistry))
    if (host !== undefined) hosts.set(host.name, host)
  }
  return [...hosts.values()]
}

function hostOf(value: Secret, field: Field, fallback: Binding | undefined): Host | undefined {
  try {
    const credentials = parseCredentials(value.reveal(), field.path)
    return credentials && bindingOf(credentials, field, fallback)?.host
  } catch (error) {
    // Asked for, it will be told: here it is only looked for.
    if (error instanceof PurserError) return fallback?.host
    throw error
  }
}

/** A value that cannot be read may name any registry, so only a fallback says whom it concerns. */
function read(
  value: Secret,
  { path }: Field,
  fallback: Binding | undefined,
  target: Target,
): RequestCredentials | undefined {
  try {
    return parseCredentials(value.reveal(), path)
  } catch (error) {
    if (fallback !== undefined && !covers(fallback, target)) return undefined
    throw error
  }
}

function bindingOf(
  { registry }: RequestCredentials,
  { path }: Field,
  fallback: Binding | undefined,
): Binding | undefined {
  if (registry === undefined) return fallback
  try {
    // Platforms name a registry by its host, or by an image of it.
    const text = registry.replace(/^(?:https?|docker|oci):\/\//, '').replace(/\/.*$/, '')
    return { host: parseHost(text), repository: undefined }
  } catch (error) {
    throw new PurserError('request-invalid', `${path}: registry is not a registry's host`, {
      cause: error,
    })
  }
}

function sourceImageOf({ sourceImage }: ContainerRequest): Binding | undefined {
  if (sourceImage === undefined) return undefined
  try {
    return { host: parseReference(sourceImage).host, repository: undefined }
  } catch (error) {
    throw new PurserError('request-invalid', 'request.build_options.source_image is not an image', {
      cause: error,
    })
  }
}

/** A client that names no repository asks for the whole host, and means one it may use. */
function covers({ host, repository }: Binding, target: Target): boolean {
  if (host.name !== target.host.name) return false
  if (repository === undefined || target.repository === undefined) return true
  return target.repository === repository || target.repository.startsWith(`${repository}/`)
}
