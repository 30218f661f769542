import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { systemCode } from '../model/errors.ts'
import { DIRECTORY_MODE, FILE_MODE, inspectDirectory, type Uid } from './privacy.ts'

/** Makes the directory, and those above it, for the user alone. @throws `unsafe-file` if it is not. */
export function makePrivateDirectory(path: string, uid: Uid): void {
  mkdirSync(path, { recursive: true, mode: DIRECTORY_MODE })
  inspectDirectory(path, uid)
}

/**
 * Creates a private file that is whole from the moment it has its name.
 *
 * @param fill - writes the file, which exists and is empty, at the path it is given
 * @returns whether the name was free: else nothing has changed.
 */
export function createPrivateFile(path: string, fill: (path: string) => void): boolean {
  const temporary = `${path}.new-${randomBytes(6).toString('hex')}`
  try {
    closeSync(openSync(temporary, 'wx', FILE_MODE))
    fill(temporary)
    // Unlike rename(2), link(2) never replaces: of many that race, one wins and all agree on it.
    linkSync(temporary, path)
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw error
  } finally {
    rmSync(temporary, { force: true })
    syncDirectory(dirname(path))
  }
}

/** Replaces a private file at once: a reader sees all of the old or all of the new. */
export function replacePrivateFile(path: string, text: string): void {
  const temporary = `${path}.next`
  // What a killed process has left behind may be somebody's hard link: never written through.
  rmSync(temporary, { force: true })
  closeSync(openSync(temporary, 'wx', FILE_MODE))
  writeDurably(temporary, text)
  renameSync(temporary, path)
  syncDirectory(dirname(path))
}

/** Writes an existing file, and returns when it is on the disk. */
export function writeDurably(path: string, text: string): void {
  writeFileSync(path, text, { flag: 'r+', flush: true })
}

/** A new name is on the disk when its directory is. */
function syncDirectory(path: string): void {
  // Windows opens no directories, and keeps its names without being asked.
  if (constants.O_DIRECTORY === undefined) return
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
