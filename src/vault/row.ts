import * as v from 'valibot'
import { PurserError } from '../model/errors.ts'
import { bind, type Columns } from './lookup.ts'
import { decodeRecord } from './record.ts'
import type { RecordKeys } from './record-keys.ts'
import type { Sealer } from './seal.ts'

const bytes = v.instance(Uint8Array)

const row = v.object({
  identity: bytes,
  scope: bytes,
  hostname: bytes,
  workspace: bytes,
  sealed: bytes,
})

/** A record as a table holds it. */
export interface Row extends Columns {
  readonly sealed: Uint8Array
}

/** The columns of a table of records, for a query. */
export const COLUMNS = 'identity, scope, hostname, workspace, sealed'

/** The row of a text. */
export function sealRow(sealer: Sealer, columns: Columns, text: string): Row {
  return { ...columns, sealed: sealer.seal(text, bind(columns)) }
}

/**
 * Opens a sealed row of the vault.
 *
 * @throws `vault-corrupt` if `found` is no row, or was altered or moved
 */
export function openRow(sealer: Sealer, found: unknown): string {
  const parsed = v.safeParse(row, found)
  if (!parsed.success) throw new PurserError('vault-corrupt', 'a row is none of a vault')
  const { sealed, ...columns } = parsed.output
  return sealer.open(sealed, bind(columns))
}

/** The row of the same record in a vault of another key, and whether it is an entry. */
export function resealed(
  text: string,
  to: RecordKeys,
): { readonly row: Row; readonly isEntry: boolean } {
  const record = decodeRecord(text)
  const isEntry = !('image' in record)
  const columns = isEntry ? to.lookup.columns(record) : to.lookup.image.columns(record)
  return { row: sealRow(to.sealer, columns, text), isEntry }
}
