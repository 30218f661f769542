import { createHmac, type KeyObject } from 'node:crypto'
import { existsSync, rmSync } from 'node:fs'
import type { Shelf } from '../cache/cache.ts'
import { createFingerprint, type Fingerprint } from '../cache/fingerprint.ts'
import { describeError } from '../model/errors.ts'
import type { Login } from '../model/login.ts'
import type { Log } from '../observe/log.ts'
import { deriveKey, type VaultKey } from '../vault/key.ts'
import type { KeySource } from '../vault/key-source.ts'
import type { Uid } from '../vault/privacy.ts'
import { createSealer } from '../vault/seal.ts'
import { createDirectory } from './directory.ts'
import { decodeSlot, encodeSlot } from './slot-text.ts'

/** Logins on disk, each slot sealed in a file of its own, for all processes of a user. */
export interface SealedLogins {
  readonly shelf: Shelf<Login | undefined>
  /** Tells identities apart in the same way in every process that has the vault's key. */
  readonly fingerprint: Fingerprint
}

/** Where logins are kept, and under which key. */
export interface SealedLoginsOptions {
  readonly directory: string
  /** The vault's. */
  readonly keys: KeySource
  /** The path of the vault that the key is for. */
  readonly vault: string
  readonly uid: Uid
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly log: Log
}

/** A key that was rotated is noticed after this long. */
const KEY_TTL_MS = 1_000

/** What a key makes of a slot. */
interface Cabinet {
  readonly key: VaultKey
  readonly identityKey: KeyObject
  name(slotKey: string): string
  /** @param name - the file's: the text opens in no other */
  seal(name: string, text: string): string
  /** @returns `undefined` if it was altered, moved, or sealed under another key */
  open(name: string, sealed: string): string | undefined
}

/**
 * Opens the logins on disk; nothing is read before the first one is asked for.
 *
 * Nothing that is wrong with them is an error: what cannot be read is a miss, and where nothing can be
 * written, nothing is kept. The log tells, once.
 */
export function openSealedLogins(options: SealedLoginsOptions): SealedLogins {
  const { keys, vault, uid, now, log } = options
  let told = false
  const complain = (error: unknown) => {
    if (!told) log.debug('logins are not kept on disk', { error: describeError(error) })
    told = true
  }
  const directory = createDirectory({ path: options.directory, uid, now, complain })

  /** Made where there is none, as the first entry would: who logs in by a machine's identity has none. */
  function readKey(): VaultKey | undefined {
    try {
      // A vault without its key waits for it to be restored: a new one would bar the way.
      const canMake = !existsSync(vault) && !existsSync(`${vault}-wal`)
      return (keys.read() ?? (canMake ? keys.writer?.create() : undefined))?.[0]
    } catch (error) {
      complain(error)
      return undefined
    }
  }

  let cabinet: Cabinet | undefined
  let lookedAt = Number.NEGATIVE_INFINITY

  function currentCabinet({ ttlMs } = { ttlMs: KEY_TTL_MS }): Cabinet | undefined {
    const at = now()
    if (Math.abs(at - lookedAt) < ttlMs) return cabinet
    lookedAt = at
    const key = readKey()
    if (key?.id !== cabinet?.key.id) cabinet = key && createCabinet(key)
    return cabinet
  }

  const shelf: SealedLogins['shelf'] = {
    read(key) {
      const open = currentCabinet()
      const name = open?.name(key)
      const sealed = name === undefined ? undefined : directory.read(name)
      const text = sealed === undefined || name === undefined ? undefined : open?.open(name, sealed)
      return text === undefined ? undefined : decodeSlot(text)
    },
    write(key, slot) {
      // Under a key that was rotated a moment ago nothing may be sealed any more.
      const open = currentCabinet({ ttlMs: 0 })
      if (open === undefined) return
      const name = open.name(key)
      directory.write(name, open.seal(name, encodeSlot(slot)))
    },
    async claim(key) {
      const name = currentCabinet()?.name(key)
      const path = name === undefined ? undefined : directory.place(`${name}.lock`)
      return path === undefined ? () => undefined : claimFile(path, complain)
    },
  }

  let fingerprint: Fingerprint | undefined
  return {
    shelf,
    fingerprint(record) {
      fingerprint ??= createFingerprint(currentCabinet()?.identityKey)
      return fingerprint(record)
    },
  }
}

function createCabinet(key: VaultKey): Cabinet {
  const sealer = createSealer(key, 'login-seal')
  const lookupKey = deriveKey(key, 'login-lookup')
  return {
    key,
    identityKey: deriveKey(key, 'login-identity'),
    name: (slotKey) => createHmac('sha256', lookupKey).update(slotKey).digest('hex'),
    seal: (name, text) => Buffer.from(sealer.seal(text, Buffer.from(name))).toString('base64'),
    open(name, sealed) {
      try {
        return sealer.open(Buffer.from(sealed, 'base64'), Buffer.from(name))
      } catch {
        return undefined
      }
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
