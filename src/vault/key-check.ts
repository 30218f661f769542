import type { VaultKey } from './key.ts'
import { createSealer } from './seal.ts'

const TEXT = 'purser'
const IDENTITY = Buffer.from('key_check')

/** What a vault keeps to prove that a key is its own. */
export function keyCheckOf(key: VaultKey): Uint8Array {
  return createSealer(key).seal(TEXT, IDENTITY)
}

/**
 * Checks that a key is the vault's, by the proof that the vault holds.
 *
 * @throws `vault-corrupt` if the proof does not open with the key
 */
export function checkKey(key: VaultKey, proof: Uint8Array): void {
  createSealer(key).open(proof, IDENTITY)
}
