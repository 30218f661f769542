import type { Credential } from '../model/credential.ts'
import type { Host } from '../model/host.ts'

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
  close(): Promise<void>
}
