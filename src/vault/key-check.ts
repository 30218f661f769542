import type { VaultKey } from './key.ts'
import { createSealer } from './seal.ts'

const TEXT = 'purser'
const IDENTITY = Buffer.from('key_check')

/** What a vault keeps to prove that a key is its own. */
export function keyCheckOf(key: VaultKey): Uint8Array {
  return createSealer(key).seal(TEXT, IDENTITY)
}

/** @throws `vault-corrupt` if the vault's proof of its key does not open with the key. */
export function checkKey(key: VaultKey, proof: Uint8Array): void {
  createSealer(key).open(proof, IDENTITY)
}
