import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import * as v from 'valibot'
import { hintOf, PurserError } from '../../model/errors.ts'
import type { VaultKey } from '../key.ts'
import { inspectPrivateFile, type Uid } from '../privacy.ts'
import { createPrivateFile, makePrivateDirectory } from '../private-file.ts'
import { checkSchema, createSchema, PAGE_BYTES } from './schema.ts'

/** A write of Purser's takes milliseconds; only a rotation of a very large vault takes seconds. */
const BUSY_TIMEOUT_MS = 10_000

/** Which file this is: a path may come to name another one. */
export interface FileIdentity {
  readonly dev: number
  readonly ino: number
}

const RESTORE = 'restore the vault from a backup, or move it away and log in again'

/**
 * Looks at a vault's file without opening it.
 *
 * Nothing here may open the file by itself, be it to read a byte: closing it again would drop the
 * locks of every connection that this process has to it.
 *
 * @returns `undefined` if there is no vault.
 * @throws `unsafe-file`; `vault-corrupt` if the file is empty or cut off.
 * @see https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_
 */
export function inspectVaultFile(path: string, uid: Uid): FileIdentity | undefined {
  let stat = inspectPrivateFile(path, uid)
  if (stat === undefined && (inspectPrivateFile(`${path}-wal`, uid)?.size ?? 0) > 0) {
    // Unless another process has just made both: a new vault would take in the old one's log.
    stat = inspectPrivateFile(path, uid)
    if (stat === undefined) {
      throw new PurserError('vault-corrupt', `${path} is gone, but its log ${path}-wal is there`, {
        hint: 'restore both from a backup, or move the log away and log in again',
      })
    }
  }
  // SQLite would take an empty file for a new database, and not miss half of a last page.
  if (stat !== undefined && (stat.size === 0 || stat.size % PAGE_BYTES !== 0)) {
    const message = `the vault ${path} is cut off: it has ${stat.size} bytes`
    throw new PurserError('vault-corrupt', message, { hint: RESTORE })
  }
  return stat
}

/** Opens a vault that is there. The page count in its header is checked against its size. */
export function openDatabase(path: string): DatabaseSync {
  const db = openFile(path)
  try {
    // Deleted records are overwritten, so that a rotation leaves nothing under the old key.
    db.exec('PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA trusted_schema = OFF')
    checkSchema(db)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/**
 * Creates a vault, unless there is one: under another name first, so that a vault's file is never
 * seen before it is whole, and an empty one is always damage.
 */
export function createDatabase(path: string, key: VaultKey, uid: Uid): void {
  makePrivateDirectory(dirname(path), uid)
  createPrivateFile(path, (at) => {
    const db = openFile(at)
    try {
      createSchema(db, key)
    } finally {
      db.close()
    }
  })
}

/** Runs `work`, and gives whatever goes wrong in it a code and the vault's path. */
export function onVault<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw explain(path, error)
  }
}

function openFile(path: string): DatabaseSync {
  const url = pathToFileURL(path)
  // Without create: a file that vanishes now is an error, not a new and empty database.
  url.searchParams.set('mode', 'rw')
  return new DatabaseSync(url, { timeout: BUSY_TIMEOUT_MS })
}

/** What node:sqlite throws: `errstr` is SQLite's own wording of the code, without data. */
const sqliteError = v.object({
  code: v.literal('ERR_SQLITE_ERROR'),
  errcode: v.number(),
  errstr: v.string(),
})

/** @see https://www.sqlite.org/rescode.html for the codes; the low byte is the primary one */
const SQLITE = { busy: 5, corrupt: 11, notADatabase: 26 } as const

/** The error of a vault in Purser's words. */
export function explain(path: string, error: unknown): unknown {
  if (error instanceof PurserError) return withPath(path, error)
  if (v.is(sqliteError, error)) {
    const code = error.errcode & 0xff
    const details = { cause: error }
    const what = `cannot use the vault ${path}: ${error.errstr}`
    if (code === SQLITE.corrupt || code === SQLITE.notADatabase) {
      return new PurserError('vault-corrupt', what, { ...details, hint: RESTORE })
    }
    const busy = { hint: 'another program has locked the vault: try again when it is done' }
    return new PurserError(
      'vault-failed',
      what,
      code === SQLITE.busy ? { ...details, ...busy } : details,
    )
  }
  if (error instanceof Error && 'syscall' in error) {
    return new PurserError('vault-failed', `cannot use the vault ${path}`, { cause: error })
  }
  return error
}

function withPath(path: string, error: PurserError): PurserError {
  const named = error.message.includes(path)
  if (named || (error.code !== 'vault-corrupt' && error.code !== 'vault-failed')) return error
  return new PurserError(error.code, `cannot use the vault ${path}`, {
    cause: error,
    hint: hintOf(error) ?? RESTORE,
  })
}
