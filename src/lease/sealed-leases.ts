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
import type { LeaseShelf } from './leases.ts'

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

/**
 * Leases on disk, each sealed in a file of its own under the vault's key: an agent that was killed
 * takes them up again.
 *
 * Not synced to the disk: after a crash of the machine there are no containers either.
 *
 * @throws `unsafe-file` if the directory is not the user's alone; `key-missing`, `key-invalid`
 */
export function openSealedLeases({ directory, keys, uid, log }: SealedLeasesOptions): LeaseShelf {
  let sealer: Sealer | undefined
  makePrivateDirectory(directory, uid)

  /** Made where there is none, as the first entry would. */
  function currentSealer(): Sealer {
    const [key] = keys.read() ?? keys.writer?.create() ?? requireKeyring(keys)
    if (sealer?.keyId !== key.id) sealer = createSealer(key, 'lease-seal')
    return sealer
  }

  const pathOf = (id: string) => join(directory, `${id}${SUFFIX}`)

  function read(id: string) {
    try {
      const text = readPrivateFile(pathOf(id), MAX_FILE_BYTES, uid)
      const sealed = text === undefined ? undefined : Buffer.from(text, 'base64')
      const open = sealed && currentSealer().open(sealed, Buffer.from(id))
      const lease = open === undefined ? undefined : decodeLease(open)
      if (lease !== undefined) return [lease]
    } catch (error) {
      log.warn('lease cannot be read', { lease: id, error: describeError(error) })
    }
    rmSync(pathOf(id), { force: true })
    return []
  }

  return {
    read: () =>
      readdirSync(directory)
        .filter((name) => name.endsWith(SUFFIX))
        .map((name) => name.slice(0, -SUFFIX.length))
        .filter(isLeaseId)
        .flatMap(read)
        .toSorted((a, b) => a.openedAt.getTime() - b.openedAt.getTime()),
    write(lease) {
      const sealed = currentSealer().seal(encodeLease(lease), Buffer.from(lease.id))
      const temporary = join(directory, `${lease.id}.new-${randomBytes(6).toString('hex')}`)
      try {
        const text = Buffer.from(sealed).toString('base64')
        writeFileSync(temporary, text, { flag: 'wx', mode: FILE_MODE })
        renameSync(temporary, pathOf(lease.id))
      } finally {
        rmSync(temporary, { force: true })
      }
    },
    remove: (id) => rmSync(pathOf(id), { force: true }),
    isStale() {
      const before = sealer?.keyId
      return before !== undefined && currentSealer().keyId !== before
    },
  }
}
