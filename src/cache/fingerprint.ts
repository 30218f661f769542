import { createHmac, type KeyObject, randomBytes } from 'node:crypto'
import { Secret } from '../model/secret.ts'

/** What stands for a record in a cache's key: equal for equal records, and for no others. */
export type Fingerprint = (record: object) => string

/**
 * Makes fingerprints by a hash that only the holder of a key can make: one then tells nobody which
 * secret it stands for, and is of no use to look a password up with.
 *
 * @param key - default: one that this process alone has
 */
export function createFingerprint(key: KeyObject | Buffer = randomBytes(32)): Fingerprint {
  return (record) => {
    const revealed = Object.entries(record).map(([name, value]) => [
      name,
      value instanceof Secret ? value.reveal() : value,
    ])
    return createHmac('sha256', key).update(JSON.stringify(revealed)).digest('base64url')
  }
}
