import { randomBytes } from 'node:crypto'
import { readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeError } from '../model/errors.ts'
import type { Log } from '../observe/log.ts'
import { type KeySource, requireKeyring } from '../vault/key-source.ts'
import { FILE_MODE, readPrivateFile, type Uid } from '../vault/privacy.ts'
import { makePrivateDirectory } from '../vault/private-file.ts'
import { createSealer, type Sealer } from '../vault/seal.ts'
import { isLeaseId } from './lease.ts'
import { decodeLease, encodeLease } from './lease-text.ts'
import type { LeaseStore } from './leases.ts'

export interface SealedLeasesOptions {
  readonly directory: string
  /** The vault's. */
  readonly keys: KeySource
  readonly uid: Uid
  readonly log: Log
}

/** A request of 1 MiB, sealed and written as text. */
const MAX_FILE_BYTES = 2 * 1024 * 1024
const SUFFIX = '.lease'
const TEMPORARY = /^[0-9a-f]{16}\.new-[0-9a-f]{12}$/

/**
 * Leases on disk, each sealed in a file of its own under the vault's key: an agent that was killed
 * takes them up again.
 *
 * Not synced to the disk: after a crash of the machine there are no containers either.
 *
 * @throws `unsafe-file` if the directory is not the user's alone; `key-missing`, `key-invalid`
 */
export function openSealedLeases({ directory, keys, uid, log }: SealedLeasesOptions): LeaseStore {
  let sealer: Sealer | undefined
  makePrivateDirectory(directory, uid)

  /** Made where there is none, as the first entry would. */
  function currentSealer(): Sealer {
    const [key] = keys.read() ?? keys.writer?.create() ?? requireKeyring(keys)
    if (sealer?.keyId !== key.id) sealer = createSealer(key, 'lease-seal')
    return sealer
  }

  const pathOf = (id: string) => join(directory, `${id}${SUFFIX}`)

  function namesOf(): readonly string[] {
    const files = readdirSync(directory)
    // What an agent had begun to write when it was killed.
    for (const name of files.filter((each) => TEMPORARY.test(each))) {
      rmSync(join(directory, name), { force: true })
    }
    return files
      .filter((name) => name.endsWith(SUFFIX))
      .map((name) => name.slice(0, -SUFFIX.length))
      .filter(isLeaseId)
  }

  /** Of a key that was changed while no agent ran, the one before may be in the ring as yet. */
  function read(id: string, sealers: readonly Sealer[]) {
    try {
      const text = readPrivateFile(pathOf(id), MAX_FILE_BYTES, uid)
      const sealed = Buffer.from(text ?? '', 'base64')
      for (const each of sealers) {
        const open = attempt(() => each.open(sealed, Buffer.from(id)))
        const lease = open === undefined ? undefined : decodeLease(open)
        if (lease === undefined) continue
        // What is read under an old key is stale until it is written under the new one.
        if (each !== sealers[0]) sealer = each
        return [lease]
      }
      log.warn('lease cannot be read', {
        lease: id,
        error: 'it was altered, or the key is another',
      })
      rmSync(pathOf(id), { force: true })
    } catch (error) {
      log.warn('lease cannot be read', { lease: id, error: describeError(error) })
    }
    return []
  }

  return {
    read() {
      const names = namesOf()
      if (names.length === 0) return []
      // Without the key nothing is known of them, so nothing is thrown away.
      const sealers = requireKeyring(keys).map((key) => createSealer(key, 'lease-seal'))
      sealer = sealers[0]
      return names
        .flatMap((name) => read(name, sealers))
        .toSorted((a, b) => a.openedAt.getTime() - b.openedAt.getTime())
    },
    write(lease) {
      const sealed = currentSealer().seal(encodeLease(lease), Buffer.from(lease.id))
      const temporary = join(directory, `${lease.id}.new-${randomBytes(6).toString('hex')}`)
      try {
        const text = Buffer.from(sealed).toString('base64')
        writeFileSync(temporary, text, { flag: 'wx', mode: FILE_MODE })
        renameSync(temporary, pathOf(lease.id))
      } catch (error) {
        rmSync(temporary, { force: true })
        throw error
      }
    },
    remove: (id) => rmSync(pathOf(id), { force: true }),
    isStale() {
      const before = sealer?.keyId
      return before !== undefined && currentSealer().keyId !== before
    },
  }
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}
