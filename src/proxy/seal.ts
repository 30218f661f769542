import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

const ALGORITHM = 'aes-256-gcm'
/** NIST SP 800-38D 5.2.1.1: 96 bits; 8.3: random ones are good for 2^32 seals under one key. */
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Hides texts in opaque ones that only this process can make, and can read. */
export interface Seal {
  /** @param owner whom the text is for: it opens for no other */
  close(text: string, owner: string): string
  /** @returns `undefined` for what this process never made, or made for another owner. */
  open(sealed: string, owner: string): string | undefined
}

/** Makes a seal whose key lives and dies with the process. */
export function createSeal(): Seal {
  const key = randomBytes(32)
  return {
    close(text, owner) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES })
      cipher.setAAD(Buffer.from(owner))
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url')
    },
    open(sealed, owner) {
      const bytes = Buffer.from(sealed, 'base64url')
      const rest = NONCE_BYTES + TAG_BYTES
      if (bytes.length < rest) return undefined
      const nonce = bytes.subarray(0, NONCE_BYTES)
      const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES })
      decipher.setAAD(Buffer.from(owner))
      decipher.setAuthTag(bytes.subarray(NONCE_BYTES, rest))
      try {
        return decipher.update(bytes.subarray(rest), undefined, 'utf8') + decipher.final('utf8')
      } catch {
        return undefined
      }
    },
  }
}
