import type { DatabaseSync } from 'node:sqlite'
import * as v from 'valibot'
import { codeOf } from '../../model/errors.ts'
import type { VaultKey } from '../key.ts'
import type { Columns } from '../lookup.ts'
import { decodeEntry, encodeEntry } from '../record.ts'
import { deriveRecordKeys } from '../record-keys.ts'
import { COLUMNS, openRow, type Row, resealed, sealRow } from '../row.ts'
import type { Entry, EntryKey } from '../vault.ts'
import type { Session } from './connection.ts'
import { writeKey } from './schema.ts'

/** The query for the records whose column has a value. */
export function selectBy(column: keyof Columns): string {
  return `SELECT ${COLUMNS} FROM record WHERE ${column} = ?`
}

/** What is sealed in the records whose column has this value, in no order. */
export function selectTexts(
  { db, sealer }: Session,
  column: keyof Columns,
  value: Uint8Array,
): readonly string[] {
  const statement = db.prepare(selectBy(column))
  return statement.all(value).map((found) => openRow(sealer, found))
}

/** The entries whose column has this value, in no order. */
export function selectEntries(
  session: Session,
  column: keyof Columns,
  value: Uint8Array,
): readonly Entry[] {
  return selectTexts(session, column, value).map(decodeEntry)
}

/**
 * The entry of this key, if there is one that can be read.
 *
 * A damaged one counts as none here: its owner is about to replace it.
 */
export function selectEntry(session: Session, key: EntryKey): Entry | undefined {
  try {
    return selectEntries(session, 'identity', session.lookup.identity(key))[0]
  } catch (error) {
    if (codeOf(error) === 'vault-corrupt') return undefined
    throw error
  }
}

/** Writes an entry, in the place of one with the same key. */
export function upsertEntry(session: Session, entry: Entry): void {
  upsertText(session, session.lookup.columns(entry), encodeEntry(entry))
}

/** Seals a text in the place of the one with the same identity. */
export function upsertText({ db, sealer }: Session, columns: Columns, text: string): void {
  insertRow(db, sealRow(sealer, columns, text))
}

/** Writes a row in the place of the one with the same identity. */
export function insertRow(db: DatabaseSync, row: Row): void {
  const { identity, scope, hostname, workspace, sealed } = row
  db.prepare(
    `INSERT INTO record (${COLUMNS}) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (identity) DO UPDATE SET
       scope = excluded.scope, hostname = excluded.hostname,
       workspace = excluded.workspace, sealed = excluded.sealed`,
  ).run(identity, scope, hostname, workspace, sealed)
}

/** Deletes the record of an identity. @returns whether there was such a record. */
export function deleteRecord({ db }: Session, identity: Uint8Array): boolean {
  return db.prepare('DELETE FROM record WHERE identity = ?').run(identity).changes > 0
}

/** Seals the whole vault with another key. @returns how many entries there are. */
export function resealRecords({ db, sealer }: Session, next: VaultKey): number {
  const to = deriveRecordKeys(next)
  // The ids first: rows that change while they are being walked may be met again.
  const ids = db.prepare('SELECT id FROM record').all()
  const read = db.prepare(`SELECT ${COLUMNS} FROM record WHERE id = ?`)
  const write = db.prepare(
    'UPDATE record SET identity = ?, scope = ?, hostname = ?, workspace = ?, sealed = ? WHERE id = ?',
  )
  let entries = 0
  for (const { id } of v.parse(v.array(v.object({ id: v.number() })), ids)) {
    const { row, isEntry } = resealed(openRow(sealer, read.get(id)), to)
    if (isEntry) entries++
    write.run(row.identity, row.scope, row.hostname, row.workspace, row.sealed, id)
  }
  writeKey(db, next)
  return entries
}
