import { createHmac } from 'node:crypto'
import type { Host } from '../model/host.ts'
import { deriveKey, type VaultKey } from './key.ts'
import type { EntryKey, ImageLink } from './vault.ts'

/** What a record is found by: keyed hashes, of 32 bytes each, that tell nothing without the key. */
export interface Columns {
  /** Workspace, host, prefix and name: unique. */
  readonly identity: Uint8Array
  /** Workspace, host and prefix. */
  readonly scope: Uint8Array
  /** Workspace and host name without port. */
  readonly hostname: Uint8Array
  readonly workspace: Uint8Array
}

/** Computes {@link Columns}, whole or one by one. */
export interface Lookup {
  columns(key: EntryKey): Columns
  identity(key: EntryKey): Uint8Array
  scope(workspace: string, host: Host, prefix: string): Uint8Array
  hostname(workspace: string, hostname: string): Uint8Array
  workspace(workspace: string): Uint8Array
  image: ImageLookup
}

/** The same columns for the links of images, with hashes of their own: no row tells what it is. */
interface ImageLookup {
  columns(link: Pick<ImageLink, 'workspace' | 'image' | 'pushed'>): Columns
  identity(workspace: string, image: string): Uint8Array
  /** Of the repository that an image was pushed to. */
  scope(workspace: string, host: Host, repository: string): Uint8Array
  workspace(workspace: string): Uint8Array
}

/** HMAC-SHA-256 under a subkey of `key`. */
export function createLookup(key: VaultKey): Lookup {
  const subkey = deriveKey(key, 'lookup')
  // JSON keeps the parts apart: ["a","bc"] and ["ab","c"] are different texts.
  const hash = (...parts: readonly string[]) =>
    createHmac('sha256', subkey).update(JSON.stringify(parts)).digest()

  const lookup: Lookup = {
    columns: (entry) => ({
      identity: lookup.identity(entry),
      scope: lookup.scope(entry.workspace, entry.host, entry.prefix),
      hostname: lookup.hostname(entry.workspace, entry.host.hostname),
      workspace: lookup.workspace(entry.workspace),
    }),
    identity: ({ workspace, host, prefix, name }) =>
      hash('identity', workspace, host.name, prefix, name),
    scope: (workspace, host, prefix) => hash('scope', workspace, host.name, prefix),
    hostname: (workspace, hostname) => hash('hostname', workspace, hostname),
    workspace: (workspace) => hash('workspace', workspace),
    image: imageLookup(hash),
  }
  return lookup
}

function imageLookup(hash: (...parts: readonly string[]) => Uint8Array): ImageLookup {
  const lookup: ImageLookup = {
    columns: ({ workspace, image, pushed }) => ({
      identity: lookup.identity(workspace, image),
      // One that was not pushed is found by none of these: its hashes are of its id.
      scope: pushed
        ? lookup.scope(workspace, pushed.host, pushed.repository)
        : hash('image-unpushed', workspace, image),
      hostname: hash('image-hostname', workspace, image),
      workspace: lookup.workspace(workspace),
    }),
    identity: (workspace, image) => hash('image', workspace, image),
    scope: (workspace, host, repository) => hash('image-pushed', workspace, host.name, repository),
    workspace: (workspace) => hash('image-workspace', workspace),
  }
  return lookup
}

/**
 * All columns as one, to seal a record with: whoever copies a scope from one row to another, and so
 * answers for one host with another's credential, has a record that does not open.
 */
export function bind({ identity, scope, hostname, workspace }: Columns): Uint8Array {
  return Buffer.concat([identity, scope, hostname, workspace])
}

/** The repository, its ancestors, and the empty prefix: longest first. */
export function prefixesOf(repository: string | undefined): readonly string[] {
  if (repository === undefined || repository === '') return ['']
  const components = repository.split('/')
  return components.map((_, i) => components.slice(0, components.length - i).join('/')).concat('')
}
