import { chmodSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { PurserError, systemCode } from '../model/errors.ts'
import { FILE_MODE } from './privacy.ts'

/** A file that this process alone has, until it lets go of it or ends, however that may be. */
export interface ProcessLock {
  release(): void
}

/**
 * Takes a file as a lock, without waiting; it is made if need be, and stays empty.
 *
 * The lock is SQLite's: Node offers none, and the kernel ends this one with its process.
 *
 * @returns `undefined` if another process has it, or has just let go of it and removed it.
 * @throws `not-allowed` if the file cannot be made or used
 */
export function tryLock(path: string): ProcessLock | undefined {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path)
    database.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE')
    chmodSync(path, FILE_MODE)
    const held = database
    return { release: () => held.close() }
  } catch (error) {
    database?.close()
    // Its name is gone: the next one who comes makes a new file, and would hold that one.
    if (isBusy(error) || systemCode(error) === 'ENOENT') return undefined
    throw new PurserError('not-allowed', `cannot lock ${path}`, { cause: error })
  }
}

/** @see https://www.sqlite.org/rescode.html#busy */
const SQLITE_BUSY = 5

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY
}
