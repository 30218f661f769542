import type { VaultKey } from './key.ts'
import { type KeySource, requireKeyring } from './key-source.ts'

/** A key, for people: never the key itself. */
export interface KeyInfo {
  readonly keyId: string
  /** Where it is kept, as in {@link KeySource.name}. */
  readonly source: string
}

/** Which key a source gives. @throws `key-missing`, `key-invalid`, `unsafe-file` */
export async function showKey(keys: KeySource): Promise<KeyInfo> {
  return infoOf(keys, requireKeyring(keys)[0])
}

/** Describes a key of a source. */
export function infoOf(keys: KeySource, key: VaultKey): KeyInfo {
  return { keyId: key.id, source: keys.name }
}
