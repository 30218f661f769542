import { PurserError } from '../model/errors.ts'
import { isRepository } from '../model/grammar.ts'
import { parseHost } from '../model/host.ts'
import { parseReference } from '../model/reference.ts'
import { nameOf, type Target } from '../model/target.ts'
import { parseRegistry } from '../request/registry-name.ts'
import type { ContainerRequest } from '../request/request.ts'
import { type BuildRegistry, isOfBuildRegistry } from '../sources/request.ts'
import type { Source } from '../sources/source.ts'
import type { ProviderChoice } from './contract.ts'
import { type Exchanges, provideFrom } from './provider.ts'

/** The registry of an image, and its repository where that can be read. */
export type ImagePlace = Pick<Target, 'host' | 'repository'>

/**
 * Reads the registry and repository of an image.
 *
 * Platforms join a repository and a digest to texts that are no valid reference: of those, only the
 * registry counts.
 */
export function placeOfImage(reference: string): ImagePlace {
  try {
    const { host, repository } = parseReference(reference)
    return { host, repository }
  } catch (error) {
    if (!(error instanceof PurserError)) throw error
    return { host: parseHost(parseRegistry(reference)), repository: undefined }
  }
}

/**
 * Reads a build registry as platforms write it: `host`, or `host/prefix`.
 *
 * @throws `host-invalid`, or `reference-invalid` if what stands behind the host is no repository
 */
export function parseBuildRegistry(place: string): NonNullable<BuildRegistry> {
  const slash = place.indexOf('/')
  if (slash === -1) return { host: parseHost(place), repository: undefined }
  const repository = place.slice(slash + 1)
  if (isRepository(repository)) return { host: parseHost(place.slice(0, slash)), repository }
  throw new PurserError('reference-invalid', 'cannot read the build registry as host/repository')
}

/**
 * Completes a request that names no source image: its image credentials are taken for the image asked
 * about, unless that one lies in the build registry.
 */
export function aboutImage(
  request: ContainerRequest,
  { host, repository }: ImagePlace,
  buildRegistry: BuildRegistry,
): ContainerRequest {
  if (request.sourceImage !== undefined || repository === undefined) return request
  if (isOfBuildRegistry({ host, repository }, buildRegistry)) return request
  return { ...request, sourceImage: `${host.name}/${repository}` }
}

/** Asks the sources in their order, as every door of Purser does. */
export async function chooseProvider(
  sources: readonly Source[],
  target: Target,
  exchanges: Exchanges,
  signal: AbortSignal,
): Promise<ProviderChoice> {
  const before: string[] = []
  for (const source of sources) {
    const found = await source.find(target, signal)
    if (found !== undefined) {
      const { credential, from } = found
      const reason = [`${from} is for ${nameOf(target)}`, ...before].join('; ')
      return {
        provider: provideFrom(from, target, credential, exchanges),
        source: source.name,
        reason,
      }
    }
    before.push(`${source.name}: ${source.whyNot?.(target) ?? 'nothing'}`)
  }
  return { provider: undefined, source: undefined, reason: before.join('; ') }
}
