import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { PurserError } from '../model/errors.ts'
import { type ProcessLock, tryLock } from '../vault/process-lock.ts'
import { checkOwn, checkSocketPath } from './own-socket.ts'

/** A place to listen on that no other process has, until it is released. */
export interface SocketClaim {
  /** To be called when the server has closed. */
  release(): void
}

/**
 * Claims a socket's path: makes its directory, takes its lock and removes what a dead agent left.
 *
 * Without the lock, which ends with its process, a late leaver would unlink its successor's socket.
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
  return { release: () => lock.release() }
}

/** Lets nobody but the owner connect, whatever the umask was. */
export function protectSocket(path: string): void {
  chmodSync(path, 0o600)
}

function lockFile(path: string): ProcessLock {
  const lock = tryLock(path)
  if (lock !== undefined) return lock
  throw new PurserError('not-allowed', `another agent holds ${path}`, {
    hint: 'stop the other purser serve, or give this one a PURSER_SOCKET of its own',
  })
}
