import { existsSync } from 'node:fs'
import type { SlotStore } from '../cache/cache.ts'
import { createFingerprint, type Fingerprint } from '../cache/fingerprint.ts'
import { describeError } from '../model/errors.ts'
import type { Login } from '../model/login.ts'
import type { Log } from '../observe/log.ts'
import type { VaultKey } from '../vault/key.ts'
import type { KeySource } from '../vault/key-source.ts'
import type { Uid } from '../vault/privacy.ts'
import { createDirectory } from './directory.ts'
import { createSlotFiles } from './slot-files.ts'
import { isOfThisMachine } from './slot-key.ts'
import { createSlotSealers, type SlotSealers } from './slot-sealer.ts'

/** Logins that outlive the process, each slot sealed on its own. */
export interface SealedLogins {
  readonly store: SlotStore<Login | undefined>
  /** Tells identities apart in the same way in every process that has the vault's key. */
  readonly fingerprint: Fingerprint
}

/** Where logins are kept, and under which key. */
export interface SealedLoginsOptions {
  readonly directory: string
  /** The vault's. */
  readonly keys: KeySource
  /** The path of the vault that the key is for; `undefined` of one that is not a file. */
  readonly vault: string | undefined
  readonly uid: Uid
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly log: Log
  /** Where those of a fleet are kept that are not of one machine's own identity. */
  readonly fleet?: (means: FleetMeans) => SlotStore<Login | undefined>
}

/** What a store of a fleet shares with the one on disk. */
interface FleetMeans {
  readonly sealers: SlotSealers
  complain(error: unknown): void
}

/**
 * Opens the logins on disk, and those of the fleet; nothing is read before the first one is asked for.
 *
 * Nothing that is wrong with them is an error: what cannot be read is a miss, and where nothing can be
 * written, nothing is kept. The log tells, once.
 */
export function openSealedLogins(options: SealedLoginsOptions): SealedLogins {
  const { keys, vault, uid, now, log, fleet } = options
  const complain = createComplaint(log, 'logins are not kept on disk')

  /** Made where there is none, as the first entry would: who logs in by a machine's identity has none. */
  function readKey(): VaultKey | undefined {
    try {
      // A vault without its key waits for it to be restored: a new one would bar the way.
      const canMake = vault !== undefined && !existsSync(vault) && !existsSync(`${vault}-wal`)
      return (keys.read() ?? (canMake ? keys.writer?.create() : undefined))?.[0]
    } catch (error) {
      complain(error)
      return undefined
    }
  }

  const sealers = createSlotSealers(readKey, now)
  const directory = createDirectory({ path: options.directory, uid, now, complain })
  const files = createSlotFiles({ directory, sealers, complain })
  const rows = fleet?.({
    sealers,
    complain: createComplaint(log, 'logins are not shared with the fleet'),
  })

  let fingerprint: Fingerprint | undefined
  return {
    store: rows === undefined ? files : routed(files, rows),
    fingerprint(record) {
      fingerprint ??= createFingerprint(sealers.current()?.identityKey)
      return fingerprint(record)
    },
  }
}

/** Says so once: it is no error, and would be told for each question. */
function createComplaint(log: Log, what: string): (error: unknown) => void {
  let told = false
  return (error) => {
    if (!told) log.debug(what, { error: describeError(error) })
    told = true
  }
}

/** What a machine is, no other one is: its own logins stay with it. */
function routed(
  files: SlotStore<Login | undefined>,
  rows: SlotStore<Login | undefined>,
): SlotStore<Login | undefined> {
  const storeOf = (key: string) => (isOfThisMachine(key) ? files : rows)
  return {
    read: (key) => storeOf(key).read(key),
    write: (key, slot) => storeOf(key).write(key, slot),
    claim: (key) => storeOf(key).claim(key),
    ...(rows.pollMs !== undefined && { pollMs: rows.pollMs }),
  }
}
