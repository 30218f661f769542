import type { AmbientConfig, AmbientSource, IdentityConfig } from '../config/config.ts'
import type { ContainerRequest } from '../request/request.ts'
import type { Vault } from '../vault/vault.ts'
import { cloudSource } from './cloud.ts'
import { environmentSource } from './environment.ts'
import { identitiesSource } from './identities.ts'
import { type RequestSourceOptions, requestSources } from './request.ts'
import type { Source } from './source.ts'
import { vaultSource } from './vault.ts'

export interface SourceOptions extends RequestSourceOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly request: ContainerRequest | undefined
  vault(): Promise<Vault>
  readonly identities: readonly IdentityConfig[]
  readonly ambient: AmbientConfig
}

/**
 * Set for another credential helper while it is run: one that asks us in turn, be it a script around
 * us, is not asked itself again.
 */
export const ASKING = 'PURSER_ASKING'

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
    ...(isLent && ambient.enabled
      ? ambient.sources.flatMap((name) => ambientSource(name, options))
      : []),
  ]
}

function ambientSource(name: AmbientSource, options: SourceOptions): readonly Source[] {
  const { env, registries } = options
  switch (name) {
    case 'docker':
    case 'containers':
      return []
    case 'environment':
      return [environmentSource(env, registries)]
    case 'cloud':
      return [cloudSource(registries)]
  }
}
