import { randomBytes } from 'node:crypto'
import { lstatSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemCode } from '../model/errors.ts'
import { FILE_MODE, inspectDirectory, readPrivateFile, type Uid } from '../vault/privacy.ts'
import { makePrivateDirectory } from '../vault/private-file.ts'

/** A directory of small private files, none of which is worth an error. */
export interface Directory {
  /** @returns `undefined` if there is no such file, or one that is not to be trusted */
  read(name: string): string | undefined
  /** Replaces a file at once, or else removes it, and forgets the oldest ones where there are too many. */
  write(name: string, text: string): void
  /** @returns the path of a file that may be made there; `undefined` if none may */
  place(name: string): string | undefined
}

/** Whose it is, and what is said of what goes wrong. */
export interface DirectoryOptions {
  readonly path: string
  readonly uid: Uid
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Called with why nothing can be kept, or read. */
  complain(error: unknown): void
}

/** A password of 16 KiB, twice as long when it was sealed and written as text, and room. */
const MAX_FILE_BYTES = 64 * 1024

/** A node with a thousand identities is beyond what anybody runs: 64 MiB, and 5 MiB in practice. */
const MAX_FILES = 1_000
/** No cloud's login lives for longer than 12 hours. */
const MAX_AGE_MS = 24 * 60 * 60_000
/** To look at a thousand files takes 5 ms. */
const SWEEP_INTERVAL_MS = 60 * 60_000

/** What {@link Directory.write} and its owner make; whatever else lies there is somebody else's. */
const OWN_NAME = /^[0-9a-f]{64}(\.[a-z0-9-]+)?$/

/** Keeps files in a directory, which is made when the first one is written. */
export function createDirectory({ path, uid, now, complain }: DirectoryOptions): Directory {
  let sweptAt = Number.NEGATIVE_INFINITY

  /** The oldest go first; what has a time in the future has outlived a clock that was set back. */
  function sweep(): void {
    const at = now()
    if (at - sweptAt < SWEEP_INTERVAL_MS) return
    sweptAt = at
    const files = ownNames(path)
      .map((name) => ({ name, ageMs: Math.abs(at - modifiedAt(join(path, name))) }))
      .toSorted((a, b) => a.ageMs - b.ageMs)
    const superfluous = files.filter(({ ageMs }, i) => i >= MAX_FILES || ageMs > MAX_AGE_MS)
    for (const { name } of superfluous) rmSync(join(path, name), { force: true })
  }

  function attempt<T>(work: () => T): T | undefined {
    try {
      return work()
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') complain(error)
      return undefined
    }
  }

  return {
    read: (name) =>
      attempt(() => {
        inspectDirectory(path, uid)
        return readPrivateFile(join(path, name), MAX_FILE_BYTES, uid)
      }),
    write(name, text) {
      const file = join(path, name)
      const temporary = `${file}.new-${randomBytes(6).toString('hex')}`
      attempt(() => {
        makePrivateDirectory(path, uid)
        try {
          if (text.length > MAX_FILE_BYTES) return rmSync(file, { force: true })
          writeFileSync(temporary, text, { flag: 'wx', mode: FILE_MODE })
          // Not synced first: what a crash leaves of it does not open, and is a miss.
          renameSync(temporary, file)
        } catch (error) {
          // What could not be replaced may be a login that was refused: a full disk keeps none of it.
          rmSync(file, { force: true })
          throw error
        } finally {
          rmSync(temporary, { force: true })
        }
        sweep()
      })
    },
    place: (name) =>
      attempt(() => {
        makePrivateDirectory(path, uid)
        return join(path, name)
      }),
  }
}

/**
 * Removes all files that were kept in a directory.
 *
 * @throws `unsafe-file` if it is not the user's alone; the system's error if they cannot be removed
 */
export function clearDirectory(path: string, uid: Uid): void {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return
  inspectDirectory(path, uid)
  for (const name of ownNames(path)) rmSync(join(path, name), { force: true })
}

function ownNames(path: string): readonly string[] {
  return readdirSync(path).filter((name) => OWN_NAME.test(name))
}

/** Another process may remove it meanwhile. */
function modifiedAt(path: string): number {
  return lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.NEGATIVE_INFINITY
}
