import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { PurserError } from '../model/errors.ts'
import { deriveKey, type KeyPurpose, type VaultKey } from './key.ts'

/** Seals text, so that only the holder of the key can read it and nobody can alter or move it. */
export interface Sealer {
  readonly keyId: string
  /** @param identity - where the text belongs: it opens nowhere else */
  seal(text: string, identity: Uint8Array): Uint8Array
  /** @throws `vault-corrupt` if it was altered, sealed for another identity or under another key. */
  open(sealed: Uint8Array, identity: Uint8Array): string
}

/** The first byte of what is sealed: what follows is nonce, ciphertext and tag. */
const FORMAT = 1

/**
 * 96 bits, random: a collision, which would break GCM, stays under 2^-32 for 2^32 records of a key
 * (NIST SP 800-38D 8.3), and a rotation starts anew.
 */
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Text is filled up to a multiple of this, so that its length does not tell the kind of secret. */
const PADDED_BYTES = 256

/**
 * AES-256-GCM under a subkey of `key`. The associated data is the format, the key's id and the
 * identity.
 */
export function createSealer(
  key: VaultKey,
  purpose: Extract<KeyPurpose, 'seal' | 'login-seal' | 'lease-seal'> = 'seal',
): Sealer {
  const subkey = deriveKey(key, purpose)
  const context = Buffer.concat([Buffer.of(FORMAT), Buffer.from(key.id, 'hex')])

  return {
    keyId: key.id,
    seal(text, identity) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', subkey, nonce, { authTagLength: TAG_BYTES })
      cipher.setAAD(Buffer.concat([context, identity]))
      const ciphertext = Buffer.concat([cipher.update(pad(text)), cipher.final()])
      return Buffer.concat([Buffer.of(FORMAT), nonce, ciphertext, cipher.getAuthTag()])
    },
    open(sealed, identity) {
      if (sealed[0] !== FORMAT || sealed.length < 1 + NONCE_BYTES + TAG_BYTES) throw notOurs()
      const nonce = sealed.subarray(1, 1 + NONCE_BYTES)
      const decipher = createDecipheriv('aes-256-gcm', subkey, nonce, { authTagLength: TAG_BYTES })
      decipher.setAAD(Buffer.concat([context, identity]))
      decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
      try {
        const text = decipher.update(sealed.subarray(1 + NONCE_BYTES, -TAG_BYTES))
        return unpad(Buffer.concat([text, decipher.final()]))
      } catch (error) {
        throw notOurs(error)
      }
    },
  }
}

/** ISO/IEC 7816-4: one marker byte, then zeros, so that any text comes back as it was. */
function pad(text: string): Buffer {
  const length = Buffer.byteLength(text)
  const padded = Buffer.alloc(Math.ceil((length + 1) / PADDED_BYTES) * PADDED_BYTES)
  padded.write(text)
  padded[length] = 0x80
  return padded
}

function unpad(padded: Buffer): string {
  return padded.toString('utf8', 0, padded.lastIndexOf(0x80))
}

function notOurs(cause?: unknown): PurserError {
  return new PurserError(
    'vault-corrupt',
    'a sealed record does not open: it was altered, or moved from where it belongs',
    cause === undefined ? {} : { cause },
  )
}
