import { PurserError } from '../../model/errors.ts'
import { generateKey, type VaultKey } from '../key.ts'
import { infoOf, type KeyInfo } from '../key-info.ts'
import { type KeySource, requireKeyring } from '../key-source.ts'
import { type Connection, connectOrCreate, type VaultFile } from './connection.ts'
import { inspectVaultFile, onVault } from './database.ts'
import { resealRecords } from './record-table.ts'

/**
 * Makes the vault's key, unless there is one.
 *
 * @returns also whether it was made.
 * @throws `key-missing` if a vault is there already, which a new key could not open, or if the
 * source can only be read.
 */
export async function initKey(vault: VaultFile): Promise<KeyInfo & { readonly created: boolean }> {
  const { path, keys, uid } = vault
  return onVault(path, () => {
    const [existing] = keys.read() ?? []
    if (existing !== undefined) return { ...infoOf(keys, existing), created: false }
    const vaultIsThere = inspectVaultFile(path, uid) !== undefined
    const [key] = (vaultIsThere ? undefined : keys.writer?.create()) ?? requireKeyring(keys)
    return { ...infoOf(keys, key), created: true }
  })
}

/**
 * Seals the whole vault with a new key, and forgets the old one.
 *
 * The source holds both keys while the vault changes over in one transaction: whenever this is
 * killed, the source opens the vault, and the next rotation tidies up. Of a source that can only be
 * read, the first key is the new one, and the old one must stand below it.
 *
 * @returns also how many entries there are.
 */
export async function rotateKey(vault: VaultFile): Promise<KeyInfo & { readonly entries: number }> {
  const { path, keys } = vault
  return onVault(path, () => {
    const connection = connectOrCreate(vault)
    try {
      return changeOver(connection, keys)
    } finally {
      connection.close()
    }
  })
}

function changeOver(connection: Connection, keys: KeySource): KeyInfo & { entries: number } {
  try {
    return connection.write((session) => {
      const next = keys.writer === undefined ? firstOf(keys, session.key) : generateKey()
      keys.writer?.replace([next, session.key])
      return { ...infoOf(keys, next), entries: resealRecords(session, next) }
    })
  } finally {
    // Under the vault's lock again: another rotation may have come between, and the key to keep is
    // the one that the vault is sealed with now.
    connection.write(({ key }) => {
      if (keys.read()?.length !== 1) keys.writer?.replace([key])
    })
    connection.truncateLog()
  }
}

function firstOf(keys: KeySource, current: VaultKey): VaultKey {
  const [first] = requireKeyring(keys)
  if (first.id !== current.id) return first
  throw new PurserError('usage', `cannot write a new key to ${keys.name}`, {
    hint: 'put the new key on its first line and the old one below, then rotate again',
  })
}
