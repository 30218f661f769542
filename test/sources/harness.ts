import { parseHost } from '../../src/model/host.ts'
import { Secret } from '../../src/model/secret.ts'
import { DEFAULT_WORKSPACE, type Target } from '../../src/model/target.ts'
import { createRegistries } from '../../src/registries/all.ts'
import type { ContainerRequest } from '../../src/request/request.ts'
import { parseRequest } from '../../src/request/request.ts'
import { type BuildRegistry, requestSources } from '../../src/sources/request.ts'
import type { Found, Source } from '../../src/sources/source.ts'
import { offline } from '../registries/harness.ts'

export const registries = createRegistries(offline)

export function requestOf(fields: unknown): ContainerRequest {
  return parseRequest(JSON.stringify(fields))
}

/** `host` or `host/repository` as a target. */
export function targetOf(place: string, more: Partial<Target> = {}): Target {
  const [host = '', ...path] = place.split('/')
  const repository = path.length === 0 ? undefined : path.join('/')
  return {
    workspace: DEFAULT_WORKSPACE,
    host: parseHost(host),
    repository,
    action: 'pull',
    ...more,
  }
}

export function buildRegistry(host: string, repository?: string): BuildRegistry {
  return { host: parseHost(host), repository }
}

/** Asks the sources in order, as a resolver does: `from: fields of the credential`. */
export async function ask(sources: readonly Source[], target: Target): Promise<string> {
  const { signal } = new AbortController()
  for (const source of sources) {
    const found = await source.find(target, signal)
    if (found !== undefined) return show(found)
  }
  return 'nothing'
}

export function askRequest(fields: unknown, place: string, build?: BuildRegistry): Promise<string> {
  const sources = requestSources(requestOf(fields), { registries, buildRegistry: build })
  return ask(sources, targetOf(place))
}

function show({ credential, from }: Found): string {
  const { kind: _, role: __, ...rest } = { role: undefined, ...credential }
  const values = Object.values(rest)
  const shown = values.map((value) => (value instanceof Secret ? value.reveal() : value))
  return `${from}: ${shown.join(' ')}`
}

export const ECR = '123456789012.dkr.ecr.us-east-1.amazonaws.com'

/** A structured value that names its registry. */
export function named(registry: string, credentials: unknown = PAIR): string {
  return JSON.stringify({ registry, type: 'basic', credentials })
}

const PAIR = { USERNAME: 'u', PASSWORD: 'p' }
