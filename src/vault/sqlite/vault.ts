import { createLru } from '../../cache/lru.ts'
import type { Credential } from '../../model/credential.ts'
import { byImage, byKey, latestFirst, newestFirst } from '../entry-order.ts'
import { type Columns, prefixesOf } from '../lookup.ts'
import { decodeImageLink, encodeImageLink, sameCredential } from '../record.ts'
import type { Entry, EntryKey, Vault } from '../vault.ts'
import {
  type Connection,
  connect,
  connectOrCreate,
  type Session,
  type VaultFile,
} from './connection.ts'
import { inspectVaultFile, onVault } from './database.ts'
import {
  deleteRecord,
  selectEntries,
  selectEntry,
  selectTexts,
  upsertEntry,
  upsertText,
} from './record-table.ts'

/** More questions than a node's clients ask again and again; each is an entry or two, of 1 KiB. */
const MAX_FINDINGS = 1_000

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
  const readLinks = (where: (session: Session) => readonly [keyof Columns, Uint8Array]) =>
    onVault(
      path,
      () =>
        current()?.read((session) =>
          selectTexts(session, ...where(session)).map(decodeImageLink),
        ) ?? [],
    )
  const remove = (identityOf: (session: Session) => Uint8Array): boolean =>
    onVault(
      path,
      () => current()?.write((session) => deleteRecord(session, identityOf(session))) ?? false,
    )
  onVault(path, current)
  const remembered = createFindings(current)

  return {
    async find(workspace, host, repository) {
      const question = JSON.stringify([workspace, host.name, repository])
      return onVault(path, () =>
        remembered(question, (session) =>
          prefixesOf(repository).flatMap((prefix) => {
            const scope = session.lookup.scope(workspace, host, prefix)
            return selectEntries(session, 'scope', scope).toSorted(newestFirst)
          }),
        ),
      )
    },
    async findByHostname(workspace, hostname) {
      return read((session) =>
        selectEntries(session, 'hostname', session.lookup.hostname(workspace, hostname)),
      ).toSorted(byKey)
    },
    revision() {
      try {
        const connection = current()
        return connection && `${connection.file.ino} ${connection.revision()}`
      } catch {
        // Whoever asks for an entry is told why.
        return undefined
      }
    },
    async list(workspace) {
      return read((session) =>
        selectEntries(session, 'workspace', session.lookup.workspace(workspace)),
      ).toSorted(byKey)
    },
    async put(key, credential) {
      onVault(path, () => {
        open = current() ?? connectOrCreate(file)
        open.write((session) => putEntry(session, key, credential, new Date(now())))
      })
    },
    remove: async (key) => remove(({ lookup }) => lookup.identity(key)),
    async image(workspace, image) {
      const [link] = readLinks(({ lookup }) => [
        'identity',
        lookup.image.identity(workspace, image),
      ])
      return link
    },
    async pushedTo(workspace, host, repository) {
      return readLinks(({ lookup }) => [
        'scope',
        lookup.image.scope(workspace, host, repository),
      ]).toSorted(latestFirst)
    },
    async images(workspace) {
      return readLinks(({ lookup }) => ['workspace', lookup.image.workspace(workspace)]).toSorted(
        byImage,
      )
    },
    async linkImage(link, credential) {
      onVault(path, () => {
        open = current() ?? connectOrCreate(file)
        open.write((session) => {
          const updatedAt = new Date(now())
          const { workspace, entry } = link
          if (entry !== undefined && credential !== undefined) {
            putEntry(session, { workspace, ...entry }, credential, updatedAt)
          }
          const columns = session.lookup.image.columns(link)
          upsertText(session, columns, encodeImageLink({ ...link, updatedAt }))
        })
      })
    },
    unlinkImage: async (workspace, image) =>
      remove(({ lookup }) => lookup.image.identity(workspace, image)),
    async close() {
      onVault(path, close)
    },
  }
}

function putEntry(
  session: Session,
  { workspace, host, prefix, name }: EntryKey,
  credential: Credential,
  updatedAt: Date,
): void {
  const key = { workspace, host, prefix, name }
  const existing = selectEntry(session, key)
  // A client stores the same login again and again: that costs no write and no new age.
  if (existing !== undefined && sameCredential(existing.credential, credential)) return
  upsertEntry(session, { ...key, credential, updatedAt })
}

/**
 * Answers from what was found before, as long as nobody has written to the vault since: an agent is
 * asked for the same few entries thousands of times, and to look a record up and to open it takes
 * longer than all the rest of an answer.
 *
 * @param current - the connection of this moment: another one has found nothing yet
 */
function createFindings(current: () => Connection | undefined) {
  let of: { readonly connection: Connection; readonly revision: string } | undefined
  let found = createLru<readonly Entry[]>(MAX_FINDINGS)

  return (question: string, work: (session: Session) => readonly Entry[]): readonly Entry[] => {
    const connection = current()
    if (connection === undefined) return []
    // Before the look: what is written in between is then found, and looked for again.
    const revision = connection.revision()
    if (of?.connection !== connection || of.revision !== revision) {
      of = { connection, revision }
      found = createLru(MAX_FINDINGS)
    }
    const known = found.get(question)
    if (known !== undefined) return known
    const entries = connection.read(work)
    found.set(question, entries)
    return entries
  }
}
