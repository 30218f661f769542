import { createHmac, type KeyObject } from 'node:crypto'
import { deriveKey, type VaultKey } from '../vault/key.ts'
import { createSealer } from '../vault/seal.ts'

/** What a key makes of slots. */
interface Cabinet {
  readonly key: VaultKey
  /** Tells identities apart. */
  readonly identityKey: KeyObject
  /** What a slot is kept under: 64 hexadecimal digits, which tell nothing. */
  name(slotKey: string): string
  /** @param name - the slot's: the text opens under no other */
  seal(name: string, text: string): Uint8Array
  /** @returns `undefined` if it was altered, moved, or sealed under another key */
  open(name: string, sealed: Uint8Array): string | undefined
}

/** The cabinet of this moment. */
export interface Cabinets {
  /** As of a second ago. @returns `undefined` where there is no key */
  current(): Cabinet | undefined
  /** Under a key that was rotated a moment ago nothing may be sealed any more. */
  now(): Cabinet | undefined
}

/** A key that was rotated is noticed after this long. */
const KEY_TTL_MS = 1_000

/**
 * Makes cabinets that follow the key as it is rotated.
 *
 * @param readKey - gives `undefined` where there is no key
 * @param now - milliseconds since the epoch
 */
export function createCabinets(readKey: () => VaultKey | undefined, now: () => number): Cabinets {
  let cabinet: Cabinet | undefined
  let lookedAt = Number.NEGATIVE_INFINITY

  function look(ttlMs: number): Cabinet | undefined {
    const at = now()
    if (Math.abs(at - lookedAt) < ttlMs) return cabinet
    lookedAt = at
    const key = readKey()
    if (key?.id !== cabinet?.key.id) cabinet = key && createCabinet(key)
    return cabinet
  }

  return { current: () => look(KEY_TTL_MS), now: () => look(0) }
}

function createCabinet(key: VaultKey): Cabinet {
  const sealer = createSealer(key, 'login-seal')
  const lookupKey = deriveKey(key, 'login-lookup')
  return {
    key,
    identityKey: deriveKey(key, 'login-identity'),
    name: (slotKey) => createHmac('sha256', lookupKey).update(slotKey).digest('hex'),
    seal: (name, text) => sealer.seal(text, Buffer.from(name)),
    open(name, sealed) {
      try {
        return sealer.open(sealed, Buffer.from(name))
      } catch {
        return undefined
      }
    },
  }
}
