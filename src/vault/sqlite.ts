import {
  type Connection,
  connect,
  connectOrCreate,
  type Session,
  type VaultFile,
} from './connection.ts'
import { inspectVaultFile, onVault } from './database.ts'
import { prefixesOf } from './lookup.ts'
import { sameCredential } from './record.ts'
import { deleteEntry, selectEntries, selectEntry, upsertEntry } from './record-table.ts'
import type { Entry, Vault } from './vault.ts'

/** Which vault to open, and by which clock. */
export interface VaultOptions extends VaultFile {
  /** Milliseconds since the epoch: when an entry was updated. */
  readonly now: () => number
}

/**
 * The vault in an SQLite file, shared by any number of processes.
 *
 * A file that is not there is an empty vault: the first `put` makes it, and its key. Every call
 * looks at the file anew, so one that is made, restored or rotated meanwhile is what it answers from.
 *
 * @throws `unsafe-file`, `key-missing`, `key-invalid`, `vault-corrupt`, `vault-failed`; nothing has
 * been changed then.
 */
export async function openVault({ now, ...file }: VaultOptions): Promise<Vault> {
  const { path } = file
  let open: Connection | undefined

  const close = () => {
    open?.close()
    open = undefined
  }
  const current = (): Connection | undefined => {
    const found = inspectVaultFile(path, file.uid)
    if (found?.ino !== open?.file.ino || found?.dev !== open?.file.dev) close()
    open ??= found === undefined ? undefined : connect(file)
    return open
  }
  const read = (work: (session: Session) => readonly Entry[]): readonly Entry[] =>
    onVault(path, () => current()?.read(work) ?? [])
  onVault(path, current)

  return {
    async find(workspace, host, repository) {
      return read((session) =>
        prefixesOf(repository).flatMap((prefix) => {
          const scope = session.lookup.scope(workspace, host, prefix)
          return selectEntries(session, 'scope', scope).toSorted(newestFirst)
        }),
      )
    },
    async findByHostname(workspace, hostname) {
      return read((session) =>
        selectEntries(session, 'hostname', session.lookup.hostname(workspace, hostname)),
      ).toSorted(byKey)
    },
    async list(workspace) {
      return read((session) =>
        selectEntries(session, 'workspace', session.lookup.workspace(workspace)),
      ).toSorted(byKey)
    },
    async put(key, credential) {
      onVault(path, () => {
        open = current() ?? connectOrCreate(file)
        open.write((session) => {
          const existing = selectEntry(session, key)
          // A client stores the same login again and again: that costs no write and no new age.
          if (existing !== undefined && sameCredential(existing.credential, credential)) return
          // Field by field: a key may be an entry, with a credential and an age of its own.
          const { workspace, host, prefix, name } = key
          const updatedAt = new Date(now())
          upsertEntry(session, { workspace, host, prefix, name, credential, updatedAt })
        })
      })
    },
    async remove(key) {
      return onVault(path, () => current()?.write((session) => deleteEntry(session, key)) ?? false)
    },
    async close() {
      onVault(path, close)
    },
  }
}

function newestFirst(a: Entry, b: Entry): number {
  return b.updatedAt.getTime() - a.updatedAt.getTime() || compare(a.name, b.name)
}

function byKey(a: Entry, b: Entry): number {
  return compare(a.host.name, b.host.name) || compare(a.prefix, b.prefix) || compare(a.name, b.name)
}

/** By code unit: the same order on every machine, whatever its locale. */
function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
