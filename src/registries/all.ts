import type { Agent } from 'node:https'
import type { UpstreamConfig } from '../config/config.ts'
import type { Host } from '../model/host.ts'
import type { Net } from '../net/net.ts'
import { createAcr } from './acr/acr.ts'
import { dockerHub } from './dockerhub.ts'
import { createEcr } from './ecr/ecr.ts'
import { createEcrPublic } from './ecr/public.ts'
import { createGar } from './gar/gar.ts'
import { generic } from './generic.ts'
import { ghcr } from './ghcr.ts'
import { ngc } from './ngc.ts'
import type { Registry } from './registry.ts'

export interface RegistriesOptions {
  /** For SDKs that bring their own client; called when a cloud must be asked, and not before. */
  httpsAgent(): Promise<Agent>
  /** For what is asked without an SDK; it costs a start-up more. */
  net(): Promise<Net>
  readonly env: Readonly<Record<string, string | undefined>>
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Kills a process that leads a group, and its group. Default: what a program has started lives on. */
  readonly killGroup?: ((pid: number) => void) | undefined
  /** Of which the operator may say what they are. Default: none. */
  readonly upstreams?: readonly Pick<UpstreamConfig, 'host' | 'registry'>[]
}

/** All kinds of registries, in the order in which they are asked whether a host is theirs. */
export function createRegistries({
  upstreams = [],
  ...options
}: RegistriesOptions): readonly Registry[] {
  const registries = [
    createEcr(options),
    createEcrPublic(options),
    createGar(options),
    createAcr(options),
    ngc,
    ghcr,
    dockerHub,
    generic,
  ]
  const said = upstreams.flatMap(({ host, registry }) =>
    registry === undefined ? [] : [[host.name, registry] as const],
  )
  return said.length === 0 ? registries : registries.map(heeding(new Map(said)))
}

/** What the operator says of a host is louder than its name. */
function heeding(said: ReadonlyMap<string, string>): (registry: Registry) => Registry {
  return (registry) => ({
    ...registry,
    matches: (host) => {
      const kind = said.get(host.name)
      return kind === undefined ? registry.matches(host) : kind === registry.name
    },
  })
}

/** The kind of registry that a host is: the last one takes every host. */
export function registryOf(registries: readonly Registry[], host: Host): Registry {
  return registries.find((registry) => registry.matches(host)) ?? generic
}
