import type { Credential } from '../model/credential.ts'
import { registryOf } from '../registries/all.ts'
import type { Registry } from '../registries/registry.ts'
import type { Found, Source } from './source.ts'

/** Whose identity a kind of registry takes, by {@link Registry.name}. */
const CLOUDS: Readonly<Record<string, Found>> = {
  ecr: ofMachine('AWS', { kind: 'ambient-aws', profile: undefined, role: undefined }),
  'ecr-public': ofMachine('AWS', { kind: 'ambient-aws', profile: undefined, role: undefined }),
  gar: ofMachine('Google', { kind: 'ambient-gcp' }),
  acr: ofMachine('Azure', { kind: 'ambient-azure', clientId: undefined }),
}

/**
 * The machine's own identity in the cloud whose registry is asked for, and in no other: a question
 * for Amazon wakes no metadata server of Google's.
 *
 * Whether the machine has one, the exchange finds out.
 */
export function cloudSource(registries: readonly Registry[]): Source {
  return {
    name: 'cloud',
    find: async ({ host }) => CLOUDS[registryOf(registries, host).name],
  }
}

function ofMachine(cloud: string, credential: Credential): Found {
  return { credential, from: `the ${cloud} identity of this machine` }
}
