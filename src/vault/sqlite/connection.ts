import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { PurserError } from '../../model/errors.ts'
import { checkKey } from '../key-check.ts'
import { type KeySource, requireKeyring } from '../key-source.ts'
import type { Uid } from '../privacy.ts'
import { deriveRecordKeys, type RecordKeys } from '../record-keys.ts'
import { createDatabase, type FileIdentity, inspectVaultFile, openDatabase } from './database.ts'
import { readKeyCheck, readKeyId } from './schema.ts'

/** Which vault, and who opens it. */
export interface VaultFile {
  readonly path: string
  readonly keys: KeySource
  readonly uid: Uid
}

/** A transaction, and what the vault's key of that moment makes of it. */
export interface Session extends RecordKeys {
  readonly db: DatabaseSync
}

/** An open vault. */
export interface Connection {
  readonly file: FileIdentity
  /** Runs `work` on one state of the vault, whatever others write meanwhile. */
  read<T>(work: (session: Session) => T): T
  /** Another one than before if anything was written meanwhile, by whichever process. */
  revision(): string
  /** Runs `work` while nobody else writes; what it did is on disk on return, or undone if it throws. */
  write<T>(work: (session: Session) => T): T
  /** The same of work that gives way to others of this process; they do not use this connection meanwhile. */
  writeInTurns<T>(work: (session: Session) => Promise<T>): Promise<T>
  /** Removes what the log still holds of earlier states, unless somebody is reading them. */
  truncateLog(): void
  close(): void
}

/**
 * Opens a vault that is there.
 *
 * @returns `undefined` if there is none.
 * @throws `unsafe-file`, `vault-corrupt`, `key-missing`, or `key-invalid` if it is not the vault's key
 */
export function connect(vault: VaultFile): Connection | undefined {
  const file = inspectVaultFile(vault.path, vault.uid)
  if (file === undefined) return undefined
  const connection = createConnection(vault, file)
  try {
    connection.read(() => undefined)
    return connection
  } catch (error) {
    connection.close()
    throw error
  }
}

/** Opens a vault, and makes it, and its key, if there is none. */
export function connectOrCreate(vault: VaultFile): Connection {
  const connection = connect(vault)
  if (connection !== undefined) return connection
  const { path, keys, uid } = vault
  const [key] = keys.read() ?? keys.writer?.create() ?? requireKeyring(keys)
  createDatabase(path, key, uid)
  const created = connect(vault)
  if (created !== undefined) return created
  throw new PurserError('vault-failed', `the vault ${path} has vanished while it was made`)
}

function createConnection(vault: VaultFile, file: FileIdentity): Connection {
  const db = openDatabase(vault.path)
  let latest: Session | undefined
  let dataVersion: StatementSync | undefined
  let ownWrites = 0

  const sessionOf = (keyId: string): Session | undefined => {
    if (latest?.key.id === keyId) return latest
    const key = requireKeyring(vault.keys).find((candidate) => candidate.id === keyId)
    if (key === undefined) return undefined
    checkKey(key, readKeyCheck(db))
    latest = { db, ...deriveRecordKeys(key) }
    return latest
  }

  const begin = (sql: string): Session => {
    // A rotation may end between our look at the vault and our look at the key, and so take away
    // the old key under us: then the next look at the vault finds the new one.
    for (let attempt = 1; attempt <= 3; attempt++) {
      db.exec(sql)
      const session = sessionOf(readKeyId(db))
      if (session !== undefined) return session
      db.exec('ROLLBACK')
    }
    const message = `the key at ${vault.keys.name} is not the one of the vault ${vault.path}`
    throw new PurserError('key-invalid', message, {
      hint: 'restore the key that belongs to this vault, or name the right one in [vault] key',
    })
  }

  const transaction = <T>(sql: string, work: (session: Session) => T): T => {
    try {
      const result = work(begin(sql))
      db.exec('COMMIT')
      return result
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK')
      throw error
    }
  }

  return {
    file,
    read: (work) => transaction('BEGIN', work),
    revision() {
      // It tells of all connections' commits but this one's (https://www.sqlite.org/pragma.html).
      dataVersion ??= db.prepare('PRAGMA data_version')
      return `${dataVersion.get()?.['data_version']} ${ownWrites}`
    },
    write(work) {
      ownWrites++
      // Not the plain BEGIN: two readers that both want to write next cannot wait for each other.
      return transaction('BEGIN IMMEDIATE', work)
    },
    async writeInTurns(work) {
      ownWrites++
      try {
        const result = await work(begin('BEGIN IMMEDIATE'))
        db.exec('COMMIT')
        return result
      } catch (error) {
        if (db.isTransaction) db.exec('ROLLBACK')
        throw error
      }
    },
    truncateLog: () => db.exec('PRAGMA wal_checkpoint(TRUNCATE)'),
    close: () => db.close(),
  }
}
