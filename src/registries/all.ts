import type { Agent } from 'node:https'
import type { Host } from '../model/host.ts'
import type { Net } from '../net/net.ts'
import { dockerHub } from './dockerhub.ts'
import { createEcr } from './ecr.ts'
import { createEcrPublic } from './ecr-public.ts'
import { gar } from './gar.ts'
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
}

/** All kinds of registries, in the order in which they are asked whether a host is theirs. */
export function createRegistries(options: RegistriesOptions): readonly Registry[] {
  return [createEcr(options), createEcrPublic(options), gar, ngc, ghcr, dockerHub, generic]
}

/** The kind of registry that a host is: the last one takes every host. */
export function registryOf(registries: readonly Registry[], host: Host): Registry {
  return registries.find((registry) => registry.matches(host)) ?? generic
}
