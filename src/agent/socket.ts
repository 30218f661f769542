import { chmodSync, lstatSync, mkdirSync, rmSync, type Stats } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { PurserError } from '../model/errors.ts'

/** `sun_path` has 108 bytes on Linux and ends with a zero: a longer path is a bare EINVAL. */
const MAX_PATH_BYTES = 107

/** @throws `config-invalid` if the system could not bind or connect to this path */
export function checkSocketPath(path: string): void {
  const bytes = Buffer.byteLength(path)
  if (bytes <= MAX_PATH_BYTES) return
  throw new PurserError(
    'config-invalid',
    `the agent's socket ${path} has a path of ${bytes} bytes, and a socket's has at most 107`,
    { hint: 'set PURSER_HOME or PURSER_SOCKET to a shorter path' },
  )
}

/**
 * Whether an agent of this user may be listening there.
 *
 * @returns `false` if there is no such socket
 * @throws `unsafe-file` if others could have put it there, or could listen in its place
 */
export function isOwnSocket(path: string, uid: number): boolean {
  const socket = stat(path)
  if (socket === undefined) return false
  checkOwn(path, socket, uid)
  const directory = dirname(path)
  const holder = stat(directory)
  if (holder !== undefined) checkOwn(directory, holder, uid)
  return socket.isSocket()
}

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
  const holder = stat(directory)
  if (holder !== undefined) checkOwn(directory, holder, uid)
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
    throw new PurserError('not-allowed', `another agent holds ${path}`, {
      cause: error,
      hint: 'stop the other purser serve, or give this one a PURSER_SOCKET of its own',
    })
  }
}

function stat(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false })
}

function checkOwn(path: string, stats: Stats, uid: number): void {
  const wrong =
    stats.uid !== uid
      ? `belongs to user ${stats.uid}`
      : (stats.mode & 0o077) !== 0
        ? `has mode ${(stats.mode & 0o777).toString(8)}`
        : undefined
  if (wrong === undefined) return
  throw new PurserError('unsafe-file', `${path} ${wrong}: others could pose as the agent`, {
    hint: `make it yours alone: chown $(id -u) ${path} && chmod go= ${path}`,
  })
}
