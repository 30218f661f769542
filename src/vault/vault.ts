import type { Credential } from '../model/credential.ts'
import type { Host } from '../model/host.ts'
import type { Reference } from '../model/reference.ts'

/** What names an entry: no two entries of a vault share all four. */
export interface EntryKey {
  readonly workspace: string
  readonly host: Host
  /** The repository, or the first components of its path, that the entry is for; empty for all. */
  readonly prefix: string
  /** Tells entries of one host and prefix apart; {@link DEFAULT_ENTRY} unless somebody said. */
  readonly name: string
}

/** The name of an entry that nobody has named. */
export const DEFAULT_ENTRY = 'default'

/** `host` or `host/prefix`, as a person writes it. */
export function placeOf({ host, prefix }: Pick<EntryKey, 'host' | 'prefix'>): string {
  return prefix === '' ? host.name : `${host.name}/${prefix}`
}

/** One record of the vault. */
export interface Entry extends EntryKey {
  readonly credential: Credential
  readonly updatedAt: Date
}

/** What a platform remembers of an image of its own: where it lies, and by which entry it is pulled. */
export interface ImageLink {
  readonly workspace: string
  /** The platform's own id of the image. */
  readonly image: string
  /** The entry with which its registry is asked; `undefined` if it needs none. */
  readonly entry: Omit<EntryKey, 'workspace'> | undefined
  /** What the image was made from. */
  readonly reference: Reference | undefined
  /** Where it was pushed to, if it was. */
  readonly pushed: Reference | undefined
  readonly updatedAt: Date
}

/** Credentials at rest. Without the key they tell how many they are, in which order, how long. */
export interface Vault {
  /**
   * The entries of a host whose prefix is the repository or an ancestor of it, longest prefix
   * first and the newest first among equals; only those without a prefix if no repository is given.
   */
  find(workspace: string, host: Host, repository: string | undefined): Promise<readonly Entry[]>
  /** The entries of every port and prefix of a host name. */
  findByHostname(workspace: string, hostname: string): Promise<readonly Entry[]>
  /** All entries of a workspace, by host, prefix and name. */
  list(workspace: string): Promise<readonly Entry[]>
  /** Creates or replaces; on disk when it returns. */
  put(key: EntryKey, credential: Credential): Promise<void>
  /** @returns whether there was such an entry. */
  remove(key: EntryKey): Promise<boolean>
  /** The link of an image, if it has one. */
  image(workspace: string, image: string): Promise<ImageLink | undefined>
  /** The links of all images that were pushed to a repository, newest first. */
  pushedTo(workspace: string, host: Host, repository: string): Promise<readonly ImageLink[]>
  /** The links of a workspace, by image. */
  images(workspace: string): Promise<readonly ImageLink[]>
  /**
   * Creates or replaces an image's link and, if a credential is given, the entry that it names, both
   * or neither; on disk when it returns.
   */
  linkImage(link: Omit<ImageLink, 'updatedAt'>, credential?: Credential): Promise<void>
  /** @returns whether there was such a link. */
  unlinkImage(workspace: string, image: string): Promise<boolean>
  /**
   * Changes whenever an entry may have; microseconds to tell.
   *
   * @returns `undefined` if that is not known; absent where it would take long to know
   */
  revision?(): string | undefined
  close(): Promise<void>
}
