import type { AmbientConfig, AmbientSource, IdentityConfig } from '../config/config.ts'
import type { ContainerRequest } from '../request/request.ts'
import type { Vault } from '../vault/vault.ts'
import { ASKING } from './asking.ts'
import { cloudSource } from './cloud.ts'
import { environmentSource } from './environment.ts'
import { identitiesSource } from './identities.ts'
import type { OtherClients, OtherClientsOptions } from './other-clients.ts'
import { type RequestSourceOptions, requestSources } from './request.ts'
import type { Source } from './source.ts'
import { vaultSource } from './vault.ts'

export interface SourceOptions extends RequestSourceOptions, OtherClientsOptions {
  readonly request: ContainerRequest | undefined
  vault(): Promise<Vault>
  readonly identities: readonly IdentityConfig[]
  readonly ambient: AmbientConfig
}

/**
 * All sources, in the order in which they are asked.
 *
 * What came with this container is nearer to it than what the machine keeps for all of them; what
 * somebody has said of a registry is nearer to it than what lies around. A container's request gets
 * none of the machine's own identities, unless the operator lends them.
 */
export function sourceOrder(options: SourceOptions): readonly Source[] {
  const { request, vault, identities, ambient } = options
  const isLent = request === undefined || ambient.requests
  return [
    ...(request === undefined ? [] : requestSources(request, options)),
    vaultSource(vault),
    ...(isLent && identities.length > 0 ? [identitiesSource(identities)] : []),
    ...(isLent && ambient.enabled ? ambientSources(options) : []),
  ]
}

/** The machine's own identities alone, whether or not any question may be answered by them. */
export function machineSources(options: SourceOptions): readonly Source[] {
  const { identities } = options
  return [
    ...(identities.length > 0 ? [identitiesSource(identities)] : []),
    ...ambientSources(options),
  ]
}

function ambientSources(options: SourceOptions): readonly Source[] {
  const { env, registries, ambient } = options
  let clients: Promise<OtherClients> | undefined
  // Loaded when they are asked: what answers before them shall not wait for it.
  const open = () => {
    clients ??= import('./other-clients.ts').then(({ createOtherClients }) =>
      createOtherClients(options),
    )
    return clients
  }

  function sourcesOf(name: AmbientSource): readonly Source[] {
    switch (name) {
      case 'docker':
      case 'containers':
        if (env[ASKING]) return []
        return [{ name, find: async (target, signal) => (await open())[name].find(target, signal) }]
      case 'environment':
        return [environmentSource(env, registries)]
      case 'cloud':
        return [cloudSource(registries)]
    }
  }
  return ambient.sources.flatMap(sourcesOf)
}
