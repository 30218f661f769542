import type { VaultKey } from './key.ts'
import { createLookup, type Lookup } from './lookup.ts'
import { createSealer, type Sealer } from './seal.ts'

/** What is made of a vault's key to read and write its records. */
export interface RecordKeys {
  readonly key: VaultKey
  readonly sealer: Sealer
  readonly lookup: Lookup
}

/** Derives it. */
export function deriveRecordKeys(key: VaultKey): RecordKeys {
  return { key, sealer: createSealer(key), lookup: createLookup(key) }
}
