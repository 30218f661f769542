import { createHmac, type KeyObject } from 'node:crypto'
import { deriveKey, type VaultKey } from '../vault/key.ts'
import { createSealer } from '../vault/seal.ts'

/** What a key makes of slots. */
interface SlotSealer {
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

/** The sealer of this moment. */
export interface SlotSealers {
  /** As of a second ago. @returns `undefined` where there is no key */
  current(): SlotSealer | undefined
  /** Under a key that was rotated a moment ago nothing may be sealed any more. */
  now(): SlotSealer | undefined
}

/** A key that was rotated is noticed after this long. */
const KEY_TTL_MS = 1_000

/**
 * Makes sealers that follow the key as it is rotated.
 *
 * @param readKey - gives `undefined` where there is no key
 * @param now - milliseconds since the epoch
 */
export function createSlotSealers(
  readKey: () => VaultKey | undefined,
  now: () => number,
): SlotSealers {
  let sealer: SlotSealer | undefined
  let lookedAt = Number.NEGATIVE_INFINITY

  function look(ttlMs: number): SlotSealer | undefined {
    const at = now()
    if (Math.abs(at - lookedAt) < ttlMs) return sealer
    lookedAt = at
    const key = readKey()
    if (key?.id !== sealer?.key.id) sealer = key && createSlotSealer(key)
    return sealer
  }

  return { current: () => look(KEY_TTL_MS), now: () => look(0) }
}

function createSlotSealer(key: VaultKey): SlotSealer {
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
