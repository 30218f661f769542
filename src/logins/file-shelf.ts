import { rmSync } from 'node:fs'
import type { Shelf } from '../cache/cache.ts'
import type { Login } from '../model/login.ts'
import type { Cabinets } from './cabinet.ts'
import type { Directory } from './directory.ts'
import { decodeSlot, encodeSlot } from './slot-text.ts'

/** What a shelf on disk is made with. */
export interface FileShelfOptions {
  readonly directory: Directory
  readonly cabinets: Cabinets
  /** Called with why a lock cannot be had. */
  complain(error: unknown): void
}

/** Makes a shelf of files, each with a slot, for all processes of a user. */
export function createFileShelf(options: FileShelfOptions): Shelf<Login | undefined> {
  const { directory, cabinets, complain } = options
  return {
    read(key) {
      const cabinet = cabinets.current()
      const name = cabinet?.name(key)
      const sealed = name === undefined ? undefined : directory.read(name)
      if (cabinet === undefined || name === undefined || sealed === undefined) return undefined
      const text = cabinet.open(name, Buffer.from(sealed, 'base64'))
      return text === undefined ? undefined : decodeSlot(text)
    },
    write(key, slot) {
      const cabinet = cabinets.now()
      if (cabinet === undefined) return
      const name = cabinet.name(key)
      const sealed = Buffer.from(cabinet.seal(name, encodeSlot(slot)))
      directory.write(name, sealed.toString('base64'))
    },
    async claim(key) {
      const name = cabinets.current()?.name(key)
      const path = name === undefined ? undefined : directory.place(`${name}.lock`)
      return path === undefined ? () => undefined : claimFile(path, complain)
    },
  }
}

/** Takes a lock file, which goes away with its lock. */
async function claimFile(path: string, complain: (error: unknown) => void) {
  try {
    const { tryLock } = await import('../vault/process-lock.ts')
    const lock = tryLock(path)
    if (lock === undefined) return undefined
    return () => {
      // While it is held, so that nobody's lock but this one goes; who waited for it looks anew.
      rmSync(path, { force: true })
      lock.release()
    }
  } catch (error) {
    complain(error)
    return () => undefined
  }
}
