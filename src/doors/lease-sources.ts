import type { App } from '../app.ts'
import type { BuildRegistryConfig } from '../config/config.ts'
import type { Lease } from '../lease/lease.ts'
import type { Credential } from '../model/credential.ts'
import { passwordExpiry } from '../registries/ecr-token.ts'
import { lastingSource } from '../sources/lasting.ts'
import type { Found, Source } from '../sources/source.ts'
import { vaultSource } from '../sources/vault.ts'

/**
 * The sources of a lease: its request's, its workspace's, and the machine's own only if the operator
 * lends them.
 *
 * What its request brought minted is minted anew in time, by the identity that this machine holds for
 * the same purpose: the build registry's, or that of the image's entry.
 */
export async function leaseSources(
  app: App,
  lease: Lease,
  now: () => number,
): Promise<readonly Source[]> {
  const { buildRegistry } = await app.config()
  const ofImage = imageIdentity(app, lease)
  const ofBuilds = buildRegistry && (await buildIdentity(app, buildRegistry))
  const options = { since: lease.openedAt, now, endOf }
  return (await app.sourcesFor(lease.request)).map((source) => {
    if (!source.name.startsWith('request.')) return source
    const identity = source.name === 'request.build_registry_credentials' ? ofBuilds : ofImage
    return identity === undefined ? source : lastingSource(source, identity, options)
  })
}

/** When what a request brought says that it ends; `undefined` if it does not say. */
export function endOf(credential: Credential): Date | undefined {
  return credential.kind === 'basic' ? passwordExpiry(credential.password) : undefined
}

/** The entry of the image's link, else the nearest one of the lease's workspace. */
function imageIdentity(app: App, { workspace, request: { imageId } }: Lease): Source {
  const nearest = vaultSource(app.vault)
  return {
    name: 'vault',
    async find(target, signal) {
      const vault = await app.vault()
      const link = imageId === undefined ? undefined : await vault.image(workspace, imageId)
      const entry = link?.entry?.host.name === target.host.name ? link.entry : undefined
      if (entry === undefined) return nearest.find(target, signal)
      const repository = entry.prefix === '' ? undefined : entry.prefix
      return nearest.find({ ...target, repository, entry: entry.name }, signal)
    },
  }
}

async function buildIdentity(app: App, build: BuildRegistryConfig): Promise<Source> {
  const { host, repository, workspace, credential } = build
  const sources = credential === 'ambient' ? await app.machineSources() : [vaultSource(app.vault)]
  const named = typeof credential === 'string' ? {} : credential
  return {
    name: 'build registry',
    async find(target, signal): Promise<Found | undefined> {
      if (target.host.name !== host.name || !isWithin(target.repository, repository)) {
        return undefined
      }
      for (const source of sources) {
        const found = await source.find({ ...target, workspace, ...named }, signal)
        if (found !== undefined) return found
      }
      return undefined
    },
  }
}

function isWithin(repository: string | undefined, prefix: string | undefined): boolean {
  if (prefix === undefined || repository === undefined) return true
  return repository === prefix || repository.startsWith(`${prefix}/`)
}
