import type { ContainerRequest } from '../request/request.ts'
import type { Vault } from '../vault/vault.ts'
import { type RequestSourceOptions, requestSources } from './request.ts'
import type { Source } from './source.ts'
import { vaultSource } from './vault.ts'

export interface SourceOptions extends RequestSourceOptions {
  readonly request: ContainerRequest | undefined
  vault(): Promise<Vault>
}

/**
 * All sources, in the order in which they are asked.
 *
 * What came with this container is nearer to it than what the machine keeps for all of them.
 */
export function sourceOrder({ request, vault, ...options }: SourceOptions): readonly Source[] {
  return [...(request === undefined ? [] : requestSources(request, options)), vaultSource(vault)]
}
