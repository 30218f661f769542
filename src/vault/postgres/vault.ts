import type { Credential } from '../../model/credential.ts'
import { codeOf, PurserError } from '../../model/errors.ts'
import type { Log } from '../../observe/log.ts'
import { byImage, byKey, latestFirst, newestFirst } from '../entry-order.ts'
import { type KeySource, requireKeyring } from '../key-source.ts'
import { type Lookup, prefixesOf } from '../lookup.ts'
import {
  decodeEntry,
  decodeImageLink,
  encodeEntry,
  encodeImageLink,
  sameCredential,
} from '../record.ts'
import type { RecordKeys } from '../record-keys.ts'
import { openRow, sealRow } from '../row.ts'
import type { Entry, EntryKey, Vault } from '../vault.ts'
import type { Connection, Database } from './database.ts'
import { createFindings } from './findings.ts'
import { createKeys } from './keys.ts'
import {
  announce,
  deleteRow,
  lockVault,
  readRevision,
  type Sought,
  selectRows,
  selectTexts,
  upsertRows,
} from './record-table.ts'
import { migrate } from './schema.ts'
import { startWatch } from './watch.ts'

/** Which vault to open, and by which clock. */
export interface PostgresVaultOptions {
  readonly database: Database
  readonly keys: KeySource
  /** Milliseconds since the epoch: when an entry was updated. */
  readonly now: () => number
  readonly log: Log
  /** Whether this process stays, and so is to be told of what others change. */
  readonly stays: boolean
}

/** A transaction that writes, and what the vault's key makes of it. */
interface Writing extends RecordKeys {
  readonly connection: Connection
}

/**
 * The vault in a PostgreSQL database, shared by a fleet.
 *
 * Tables that are not there are an empty vault: the first `put` makes them. Whatever a process writes,
 * the next question of every other one sees; while the database is away, what was found before is.
 *
 * @throws `key-missing`, `key-invalid`, `vault-corrupt`, `vault-failed`; nothing has been changed then.
 */
export function openPostgresVault(options: PostgresVaultOptions): Vault {
  const { database, now, stays, log } = options
  const keys = createKeys(options.keys, database.name)
  const watch = stays ? startWatch({ database, log }) : undefined
  const findings = createFindings({ watch, revision: () => readRevision(database), now })

  const read = (sought: (lookup: Lookup) => Sought) =>
    named(database.name, () => selectTexts(database, keys, sought))
  const entries = async (sought: (lookup: Lookup) => Sought) =>
    ((await read(sought))?.texts ?? []).map(decodeEntry)
  const links = async (sought: (lookup: Lookup) => Sought) =>
    ((await read(sought))?.texts ?? []).map(decodeImageLink)

  /** @param work - tells whether it has changed anything */
  async function write(work: (writing: Writing) => Promise<boolean>): Promise<boolean | undefined> {
    return named(database.name, async () => {
      let revision: bigint | undefined
      const changed = await database.transaction('read committed', async (connection) => {
        const meta = await lockVault(connection)
        if (meta === undefined) return undefined
        const done = await work({ connection, ...(await keys.of(meta)) })
        if (done) revision = await announce(connection)
        return done
      })
      if (revision !== undefined) watch?.wrote(revision)
      return changed
    })
  }

  let made: Promise<void> | undefined

  /** Makes the tables if need be, once. */
  async function change(work: (writing: Writing) => Promise<boolean>): Promise<void> {
    const { keys: source } = options
    made ??= named(database.name, () =>
      migrate(database, () => {
        const [key] = source.read() ?? source.writer?.create() ?? requireKeyring(source)
        return key
      }),
    )
    try {
      await made
    } catch (error) {
      made = undefined
      throw error
    }
    await write(work)
  }

  /** Where there are no tables, there is nothing to remove. */
  async function remove(identityOf: (lookup: Lookup) => Uint8Array): Promise<boolean> {
    const there = await named(database.name, () => readRevision(database))
    if (there === undefined) return false
    const work = async ({ connection, lookup }: Writing) =>
      deleteRow(connection, identityOf(lookup))
    return (await write(work)) ?? false
  }

  return {
    ...(watch !== undefined && { revision: watch.mark }),
    async find(workspace, host, repository) {
      const question = JSON.stringify([workspace, host.name, repository])
      return findings.get(question, async () => {
        const prefixes = prefixesOf(repository)
        const found = await read(({ scope }) => ({
          column: 'scope',
          values: prefixes.map((prefix) => scope(workspace, host, prefix)),
        }))
        const all = (found?.texts ?? []).map(decodeEntry).toSorted(newestFirst)
        return {
          entries: all.toSorted((a, b) => b.prefix.length - a.prefix.length),
          revision: found?.revision,
        }
      })
    },
    async findByHostname(workspace, hostname) {
      const sought = (lookup: Lookup): Sought => ({
        column: 'hostname',
        values: [lookup.hostname(workspace, hostname)],
      })
      return (await entries(sought)).toSorted(byKey)
    },
    async list(workspace) {
      const sought = (lookup: Lookup): Sought => ({
        column: 'workspace',
        values: [lookup.workspace(workspace)],
      })
      return (await entries(sought)).toSorted(byKey)
    },
    put: (key, credential) =>
      change((writing) => putEntry(writing, key, credential, new Date(now()))),
    remove: (key) => remove((lookup) => lookup.identity(key)),
    async image(workspace, image) {
      const [link] = await links(({ image: lookup }) => ({
        column: 'identity',
        values: [lookup.identity(workspace, image)],
      }))
      return link
    },
    async pushedTo(workspace, host, repository) {
      const found = await links(({ image: lookup }) => ({
        column: 'scope',
        values: [lookup.scope(workspace, host, repository)],
      }))
      return found.toSorted(latestFirst)
    },
    async images(workspace) {
      const found = await links(({ image: lookup }) => ({
        column: 'workspace',
        values: [lookup.workspace(workspace)],
      }))
      return found.toSorted(byImage)
    },
    linkImage: (link, credential) =>
      change(async (writing) => {
        const updatedAt = new Date(now())
        const { workspace, entry } = link
        if (entry !== undefined && credential !== undefined) {
          await putEntry(writing, { workspace, ...entry }, credential, updatedAt)
        }
        const columns = writing.lookup.image.columns(link)
        const text = encodeImageLink({ ...link, updatedAt })
        await upsertRows(writing.connection, [sealRow(writing.sealer, columns, text)])
        return true
      }),
    unlinkImage: (workspace, image) => remove((lookup) => lookup.image.identity(workspace, image)),
    async close() {
      watch?.close()
    },
  }
}

async function putEntry(
  { connection, sealer, lookup }: Writing,
  { workspace, host, prefix, name }: EntryKey,
  credential: Credential,
  updatedAt: Date,
): Promise<boolean> {
  const columns = lookup.columns({ workspace, host, prefix, name })
  const [row] = await selectRows(connection, 'identity', columns.identity)
  const existing = row === undefined ? undefined : readable(() => decodeEntry(openRow(sealer, row)))
  // A client stores the same login again and again: that costs no write and no new age.
  if (existing !== undefined && sameCredential(existing.credential, credential)) return false
  const text = encodeEntry({ workspace, host, prefix, name, credential, updatedAt })
  await upsertRows(connection, [sealRow(sealer, columns, text)])
  return true
}

/** A damaged one counts as none here: its owner is about to replace it. */
function readable(decode: () => Entry): Entry | undefined {
  try {
    return decode()
  } catch (error) {
    if (codeOf(error) === 'vault-corrupt') return undefined
    throw error
  }
}

/** Gives whatever is wrong with a record the vault's name. */
async function named<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof PurserError) || error.message.includes(name)) throw error
    if (error.code !== 'vault-corrupt' && error.code !== 'vault-failed') throw error
    throw new PurserError(error.code, `cannot use the vault ${name}`, {
      cause: error,
      hint: error.hint ?? 'restore the database from a backup',
    })
  }
}
