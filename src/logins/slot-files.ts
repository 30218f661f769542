import { rmSync } from 'node:fs'
import type { SlotStore } from '../cache/cache.ts'
import type { Login } from '../model/login.ts'
import type { Directory } from './directory.ts'
import type { SlotSealers } from './slot-sealer.ts'
import { decodeSlot, encodeSlot } from './slot-text.ts'

/** What a store on disk is made with. */
export interface SlotFilesOptions {
  readonly directory: Directory
  readonly sealers: SlotSealers
  /** Called with why a lock cannot be had. */
  complain(error: unknown): void
}

/** Makes a store of files, each with a slot, for all processes of a user. */
export function createSlotFiles(options: SlotFilesOptions): SlotStore<Login | undefined> {
  const { directory, sealers, complain } = options
  return {
    read(key) {
      const sealer = sealers.current()
      const name = sealer?.name(key)
      const sealed = name === undefined ? undefined : directory.read(name)
      if (sealer === undefined || name === undefined || sealed === undefined) return undefined
      const text = sealer.open(name, Buffer.from(sealed, 'base64'))
      return text === undefined ? undefined : decodeSlot(text)
    },
    write(key, slot) {
      const sealer = sealers.now()
      if (sealer === undefined) return
      const name = sealer.name(key)
      const sealed = Buffer.from(sealer.seal(name, encodeSlot(slot)))
      directory.write(name, sealed.toString('base64'))
    },
    async claim(key) {
      const name = sealers.current()?.name(key)
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
