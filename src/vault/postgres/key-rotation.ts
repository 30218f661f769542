import { PurserError } from '../../model/errors.ts'
import { infoOf, type KeyInfo } from '../key-info.ts'
import { type KeySource, requireKeyring } from '../key-source.ts'
import { deriveRecordKeys } from '../record-keys.ts'
import type { Database } from './database.ts'
import { createKeys } from './keys.ts'
import { announce, lockVault, readRevision, resealRows } from './record-table.ts'
import { migrate } from './schema.ts'

/**
 * Makes the key of a fleet, unless there is one, and the vault's tables if they are not there.
 *
 * @returns also whether it was made.
 * @throws `key-missing` if there is a vault already, which a new key could not open
 */
export async function initFleetKey(
  database: Database,
  keys: KeySource,
): Promise<KeyInfo & { readonly created: boolean }> {
  const existing = keys.read()
  if (existing === undefined && (await readRevision(database)) !== undefined) requireKeyring(keys)
  const [key] = existing ?? keys.writer?.create() ?? requireKeyring(keys)
  await migrate(database, () => key)
  return { ...infoOf(keys, key), created: existing === undefined }
}

/**
 * Seals the whole vault with the first key of the source, in one transaction.
 *
 * The source of every machine holds the new key above the old one by then: no machine can give another
 * a key, and each opens the vault before and after.
 *
 * @returns also how many entries there are.
 */
export async function rotateFleetKey(
  database: Database,
  keys: KeySource,
): Promise<KeyInfo & { readonly entries: number }> {
  const [next] = requireKeyring(keys)
  const known = createKeys(keys, database.name)
  await migrate(database, () => next)
  return database.transaction('read committed', async (connection) => {
    const meta = await lockVault(connection)
    if (meta === undefined) throw new PurserError('vault-failed', 'there is no vault to rotate')
    if (meta.keyId === next.id) throw sameKey(keys)
    const entries = await resealRows(connection, await known.of(meta), deriveRecordKeys(next))
    await announce(connection)
    return { ...infoOf(keys, next), entries }
  })
}

function sameKey({ name }: KeySource): PurserError {
  return new PurserError('usage', `the vault has the first key of ${name} already`, {
    hint: 'put a new key (purser key generate) above it on every machine, then rotate again',
  })
}
