import { existsSync } from 'node:fs'
import type { Shelf } from '../cache/cache.ts'
import { createFingerprint, type Fingerprint } from '../cache/fingerprint.ts'
import { describeError } from '../model/errors.ts'
import type { Login } from '../model/login.ts'
import type { Log } from '../observe/log.ts'
import type { VaultKey } from '../vault/key.ts'
import type { KeySource } from '../vault/key-source.ts'
import type { Uid } from '../vault/privacy.ts'
import { type Cabinets, createCabinets } from './cabinet.ts'
import { createDirectory } from './directory.ts'
import { createFileShelf } from './file-shelf.ts'
import { isOfThisMachine } from './slot-key.ts'

/** Logins that outlive the process, each slot sealed on its own. */
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
  /** The path of the vault that the key is for; `undefined` of one that is not a file. */
  readonly vault: string | undefined
  readonly uid: Uid
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly log: Log
  /** Where those of a fleet are kept that are not of one machine's own identity. */
  readonly fleet?: (means: FleetMeans) => Shelf<Login | undefined>
}

/** What a shelf of a fleet shares with the one on disk. */
interface FleetMeans {
  readonly cabinets: Cabinets
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

  const cabinets = createCabinets(readKey, now)
  const directory = createDirectory({ path: options.directory, uid, now, complain })
  const files = createFileShelf({ directory, cabinets, complain })
  const rows = fleet?.({
    cabinets,
    complain: createComplaint(log, 'logins are not shared with the fleet'),
  })

  let fingerprint: Fingerprint | undefined
  return {
    shelf: rows === undefined ? files : routed(files, rows),
    fingerprint(record) {
      fingerprint ??= createFingerprint(cabinets.current()?.identityKey)
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
  files: Shelf<Login | undefined>,
  rows: Shelf<Login | undefined>,
): Shelf<Login | undefined> {
  const shelfOf = (key: string) => (isOfThisMachine(key) ? files : rows)
  return {
    read: (key) => shelfOf(key).read(key),
    write: (key, slot) => shelfOf(key).write(key, slot),
    claim: (key) => shelfOf(key).claim(key),
    ...(rows.pollMs !== undefined && { pollMs: rows.pollMs }),
  }
}
