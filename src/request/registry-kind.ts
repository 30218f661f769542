import type { Host } from '../model/host.ts'
import { createRegistries, registryOf } from '../registries/all.ts'
import type { Registry } from '../registries/registry.ts'

/** What is known of a registry without asking it anything. */
export type RegistryKind = Pick<Registry, 'name' | 'read'>

function unasked(): Promise<never> {
  return Promise.reject(new Error('only a registry that logs in has a network'))
}

function registryKinds(): readonly Registry[] {
  return createRegistries({ httpsAgent: unasked, net: unasked, env: {}, now: () => 0 })
}

/** The kind of registry that a host is, by its name alone. */
export function registryKindOf(host: Host): RegistryKind {
  return registryOf(registryKinds(), host)
}
