import { createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto'
import { PurserError } from '../model/errors.ts'

/** 256 random bits, from which all that protects a vault is derived. */
export interface VaultKey {
  /** Tells keys apart in files and on screens, and tells nothing about the key. */
  readonly id: string
  readonly material: KeyObject
}

/** The keys of a key source, the current one first; others only while a rotation is under way. */
export type Keyring = readonly [VaultKey, ...VaultKey[]]

const KEY_BYTES = 32
const ID_BYTES = 8

/** 32 bytes are 43 characters of base64url. */
const LINE = /^purser-key-v1:([A-Za-z0-9_-]{43})$/
const ANY_VERSION = /^purser-key-v\d+:/

/** A rotation needs two keys; more than this many is no key file of ours. */
const MAX_KEYS = 16

/** Makes a new key of random bits. */
export function generateKey(): VaultKey {
  return keyOf(randomBytes(KEY_BYTES))
}

/** What the vault's key is used for: entries, the logins that were made of them, and leases. */
export type KeyPurpose =
  | 'seal'
  | 'lookup'
  | 'login-seal'
  | 'login-lookup'
  | 'login-identity'
  | 'lease-seal'

/**
 * A key for one purpose, so that no two uses of the vault's key can meet.
 *
 * @see https://www.rfc-editor.org/rfc/rfc5869#section-3.2 for `info`
 */
export function deriveKey(key: VaultKey, purpose: KeyPurpose): KeyObject {
  return createSecretKey(derive(key.material, purpose, KEY_BYTES))
}

/**
 * Reads keys as they are stored: `purser-key-v1:BASE64URL`, one a line, the current one first.
 *
 * @param from - the key source, for the error
 * @throws `key-invalid`, which quotes nothing of the text
 */
export function parseKeyring(text: string, from: string): Keyring {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const [first, ...rest] = lines.slice(0, MAX_KEYS).map((line) => parseLine(line.trim(), from))
  if (first === undefined || lines.length > MAX_KEYS) throw unreadable(from)
  return [first, ...rest]
}

/** The text that {@link parseKeyring} reads: the one place where key bytes become text. */
export function formatKeyring(keys: Keyring): string {
  return keys.map((key) => `purser-key-v1:${base64url(key.material)}\n`).join('')
}

function parseLine(line: string, from: string): VaultKey {
  const encoded = LINE.exec(line)?.[1]
  if (encoded !== undefined) return keyOf(Buffer.from(encoded, 'base64url'))
  if (ANY_VERSION.test(line) && !line.startsWith('purser-key-v1:')) {
    throw new PurserError('key-invalid', `${from} was written by a newer purser`, {
      hint: 'upgrade this one',
    })
  }
  throw unreadable(from)
}

function unreadable(from: string): PurserError {
  return new PurserError('key-invalid', `${from} does not hold a key`, {
    hint: 'a key is one line, purser-key-v1: and 43 characters, as purser key init makes it',
  })
}

function keyOf(bytes: Buffer): VaultKey {
  const material = createSecretKey(bytes)
  return { id: derive(material, 'id', ID_BYTES).toString('hex'), material }
}

function derive(material: KeyObject, purpose: string, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', material, '', `purser vault v1 ${purpose}`, length))
}

function base64url(material: KeyObject): string {
  return material.export().toString('base64url')
}
