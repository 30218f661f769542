import type { App } from '../app.ts'
import type { BuildRegistryConfig } from '../config/config.ts'
import type { MintedOutlook } from '../health/lease-outlook.ts'
import type { Lease } from '../lease/lease.ts'
import type { Credential } from '../model/credential.ts'
import { isWithin } from '../model/grammar.ts'
import type { Target } from '../model/target.ts'
import { passwordExpiry } from '../registries/ecr/token.ts'
import { isMinted, lastingSource } from '../sources/lasting.ts'
import { hostsOf } from '../sources/request.ts'
import type { Found, Source } from '../sources/source.ts'
import { vaultSource } from '../sources/vault.ts'

/**
 * The sources of a lease: its request's, its workspace's, and the machine's own only if the operator
 * lends them.
 *
 * What its request brought minted is minted anew in time, by the identity that this machine holds for
 * the same purpose: that of the image's entry, which the lease may use anyhow, or the build registry's,
 * where the operator says that nobody else writes its login into requests.
 */
export async function leaseSources(
  app: App,
  lease: Lease,
  now: () => number,
): Promise<readonly Source[]> {
  const options = { since: lease.openedAt, now, endOf }
  return (await withIdentities(app, lease)).map(({ source, identity }) =>
    identity === undefined ? source : lastingSource(source, identity, options),
  )
}

/** Looks at what a lease's request brought minted: when it ends, and whether that matters. */
export async function mintedOf(
  app: App,
  lease: Lease,
  signal: AbortSignal,
): Promise<readonly MintedOutlook[]> {
  const { workspace, request } = lease
  const { buildRegistry } = await app.config()
  const minted: MintedOutlook[] = []
  for (const host of hostsOf(request, { buildRegistry })) {
    const target: Target = { workspace, host, repository: undefined, action: 'pull' }
    for (const { source, identity } of await withIdentities(app, lease)) {
      if (!isOfRequest(source)) continue
      // What cannot be read is told to whoever uses it.
      const found = await source.find(target, signal).catch(() => undefined)
      if (found === undefined || !isMinted(found.credential)) continue
      const behind = await identity?.find(target, signal).catch(() => undefined)
      const expiresAt = endOf(found.credential)
      const renewable = behind !== undefined
      minted.push({ source: source.name, host: host.name, expiresAt, renewable })
    }
  }
  return minted
}

/** The sources of a lease, and where the identities are by which theirs were minted. */
async function withIdentities(app: App, lease: Lease) {
  const { buildRegistry } = await app.config()
  const ofImage = imageIdentity(app, lease)
  // Nobody can see of a password by whom it was minted, and this identity is not the lease's own.
  const ofBuilds = buildRegistry?.renew === true && (await buildIdentity(app, buildRegistry))
  return (await app.sourcesFor(lease.request)).map((source) => {
    if (!isOfRequest(source)) return { source, identity: undefined }
    const isBuilds = source.name === 'request.build_registry_credentials'
    return { source, identity: isBuilds ? ofBuilds || undefined : ofImage }
  })
}

function isOfRequest({ name }: Source): boolean {
  return name.startsWith('request.')
}

/** When what a request brought says that it ends; `undefined` if it does not say. */
function endOf(credential: Credential): Date | undefined {
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
      if (target.host.name !== host.name || !covers(repository, target.repository)) {
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

function covers(prefix: string | undefined, repository: string | undefined): boolean {
  return prefix === undefined || repository === undefined || isWithin(repository, prefix)
}
