import { lstatSync, type Stats } from 'node:fs'
import { dirname } from 'node:path'
import { PurserError } from '../model/errors.ts'

/** `sun_path` has 108 bytes on Linux and ends with a zero: a longer path is a bare EINVAL. */
const MAX_PATH_BYTES = 107

/**
 * Checks that a path fits a unix socket's address.
 *
 * @throws `config-invalid` if the system could not bind or connect to this path
 */
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
  const socket = checkOwn(path, uid)
  if (socket === undefined) return false
  checkOwn(dirname(path), uid)
  return socket.isSocket()
}

/**
 * Looks at a file that no other user may reach.
 *
 * @returns `undefined` if it is not there
 * @throws `unsafe-file`, with the command that mends it
 */
export function checkOwn(path: string, uid: number): Stats | undefined {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  const wrong = stats && wrongWith(stats, uid)
  if (wrong === undefined) return stats
  throw new PurserError('unsafe-file', `${path} ${wrong}: others could pose as the agent`, {
    hint: `make it yours alone: chown $(id -u) ${path} && chmod go= ${path}`,
  })
}

function wrongWith(stats: Stats, uid: number): string | undefined {
  if (stats.uid !== uid) return `belongs to user ${stats.uid}`
  const shared = (stats.mode & 0o077) !== 0
  return shared ? `has mode ${(stats.mode & 0o777).toString(8)}` : undefined
}
