import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { PurserError } from '../model/errors.ts'
import { checkOwn, checkSocketPath } from './own-socket.ts'

/** A place to listen on that no other process has, until it is released. */
export interface SocketClaim {
  /** To be called when the server has closed. */
  release(): void
}

/**
 * Claims a socket's path: makes its directory, takes its lock and removes what a dead agent left.
 *
 * The lock is SQLite's: Node offers none, and this one ends with the process that holds it, however
 * that ends. Without it, a late leaver would unlink the socket of its successor.
 *
 * @throws `not-allowed` if another agent holds it; `unsafe-file` if others could reach it
 */
export function claimSocket(path: string, uid: number): SocketClaim {
  checkSocketPath(path)
  const directory = dirname(path)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  checkOwn(directory, uid)
  const lock = lockFile(`${path}.lock`)
  rmSync(path, { force: true })
  return { release: () => lock.close() }
}

/** Lets nobody but the owner connect, whatever the umask was. */
export function protectSocket(path: string): void {
  chmodSync(path, 0o600)
}

function lockFile(path: string): DatabaseSync {
  const lock = new DatabaseSync(path)
  try {
    lock.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE')
    chmodSync(path, 0o600)
    return lock
  } catch (error) {
    lock.close()
    if (!isBusy(error)) {
      throw new PurserError('not-allowed', `cannot lock ${path}`, { cause: error })
    }
    throw new PurserError('not-allowed', `another agent holds ${path}`, {
      hint: 'stop the other purser serve, or give this one a PURSER_SOCKET of its own',
    })
  }
}

/** @see https://www.sqlite.org/rescode.html#busy */
const SQLITE_BUSY = 5

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY
}
