import { PurserError } from '../../model/errors.ts'
import { checkKey } from '../key-check.ts'
import { type KeySource, requireKeyring } from '../key-source.ts'
import { deriveRecordKeys, type RecordKeys } from '../record-keys.ts'
import type { Meta } from './schema.ts'

/** The kits of the keys that a vault was, is or is about to be sealed with. */
export interface Keys {
  /** The one that the vault had last; before it was asked, the source's first, if it has one. */
  likely(): RecordKeys | undefined
  /** The vault's. @throws `key-invalid` if the source does not hold it; `vault-corrupt` as {@link checkKey} */
  of(meta: Meta): Promise<RecordKeys>
}

/** Looks keys up in a source; it is asked again for one that it has not told before. */
export function createKeys(source: KeySource, vaultName: string): Keys {
  const known = new Map<string, RecordKeys>()
  let current: RecordKeys | undefined

  async function lookUp(keyId: string): Promise<RecordKeys> {
    const read = () => requireKeyring(source).find(({ id }) => id === keyId)
    let key = read()
    if (key === undefined && source.refresh !== undefined) {
      await source.refresh()
      key = read()
    }
    if (key !== undefined) return deriveRecordKeys(key)
    const message = `the key at ${source.name} is not the one of the vault ${vaultName}`
    throw new PurserError('key-invalid', message, {
      hint: 'give every machine of the fleet the key that the vault was made with',
    })
  }

  return {
    likely() {
      const [first] = current === undefined ? (source.read() ?? []) : []
      return first === undefined ? current : deriveRecordKeys(first)
    },
    async of({ keyId, keyCheck }) {
      const recordKeys = known.get(keyId) ?? (await lookUp(keyId))
      if (!known.has(keyId)) checkKey(recordKeys.key, keyCheck)
      known.set(keyId, recordKeys)
      current = recordKeys
      return recordKeys
    },
  }
}
