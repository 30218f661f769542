import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  type Stats,
} from 'node:fs'
import { dirname } from 'node:path'
import { PurserError } from '../model/errors.ts'

/** The effective user id; `undefined` where the platform has none, and so no owners to check. */
export type Uid = number | undefined

/** The mode of a file that is its owner's alone. */
export const FILE_MODE = 0o600
/** The mode of a directory that is its owner's alone. */
export const DIRECTORY_MODE = 0o700

/** What a private file may be: the mode bits that nobody may have, and owners beside the user. */
export interface Privacy {
  readonly forbiddenMode: number
  readonly owners: readonly number[]
}

/** Nobody but the user: like ssh's identity files. */
const MINE_ALONE: Privacy = { forbiddenMode: 0o077, owners: [] }

/** systemd owns what it passes, and gives a unit's user access by an ACL that shows as group mode. */
export const FROM_SYSTEMD: Privacy = { forbiddenMode: 0o007, owners: [0] }

/**
 * Looks at a file that must be the user's alone, without opening it.
 *
 * @returns `undefined` if there is none.
 * @throws `unsafe-file` if it, or its directory, is a link, somebody else's, or open to others.
 */
export function inspectPrivateFile(path: string, uid: Uid): Stats | undefined {
  if (inspect(dirname(path)) === undefined) return undefined
  inspectDirectory(dirname(path), uid)
  const stat = inspect(path)
  if (stat !== undefined) checkFile(path, stat, uid, MINE_ALONE)
  return stat
}

/**
 * Reads a file that must be the user's alone.
 *
 * @returns `undefined` if there is none.
 * @throws `unsafe-file`; the system's error if it cannot be read.
 */
export function readPrivateFile(
  path: string,
  maxBytes: number,
  uid: Uid,
  privacy: Privacy = MINE_ALONE,
): string | undefined {
  const stat = inspect(path)
  if (stat === undefined) return undefined
  // A link is told here; one that takes the file's place a moment later is refused by O_NOFOLLOW,
  // and a pipe does not hold us up.
  checkFile(path, stat, uid, privacy)
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const opened = fstatSync(fd)
    checkFile(path, opened, uid, privacy)
    if (opened.size > maxBytes) {
      throw new PurserError('unsafe-file', `${path} is larger than ${maxBytes} bytes`, {
        hint: 'see whether it is the file that you mean',
      })
    }
    return readFileSync(fd, 'utf8')
  } finally {
    closeSync(fd)
  }
}

/** Checks that a directory exists and that only the user can enter it. @throws `unsafe-file` */
export function inspectDirectory(path: string, uid: Uid): void {
  const stat = lstatSync(path)
  if (!stat.isDirectory()) throw notA('directory', path, stat)
  checkOwner(path, stat, uid, MINE_ALONE, DIRECTORY_MODE)
}

function checkFile(path: string, stat: Stats, uid: Uid, privacy: Privacy): void {
  if (!stat.isFile()) throw notA('regular file', path, stat)
  checkOwner(path, stat, uid, privacy, FILE_MODE)
}

function checkOwner(path: string, stat: Stats, uid: Uid, privacy: Privacy, mode: number): void {
  if (uid === undefined) return
  if (stat.uid !== uid && !privacy.owners.includes(stat.uid)) {
    throw new PurserError('unsafe-file', `${path} belongs to user ${stat.uid}, not to ${uid}`, {
      hint: `if you trust what is in it, make it yours: chown ${uid} ${shellQuote(path)}`,
    })
  }
  if ((stat.mode & privacy.forbiddenMode) !== 0) {
    const octal = (stat.mode & 0o777).toString(8).padStart(4, '0')
    throw new PurserError('unsafe-file', `${path} is open to other users (mode ${octal})`, {
      hint: `close it: chmod ${mode.toString(8)} ${shellQuote(path)}`,
    })
  }
}

function notA(what: string, path: string, stat: Stats): PurserError {
  const is = stat.isSymbolicLink() ? 'is a symbolic link' : `is not a ${what}`
  return new PurserError('unsafe-file', `${path} ${is}`, {
    hint: `put a ${what} there, or name the place that you mean in the configuration`,
  })
}

function inspect(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false })
}

function shellQuote(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
}
