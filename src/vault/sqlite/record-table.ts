import * as v from 'valibot'
import { codeOf } from '../../model/errors.ts'
import type { VaultKey } from '../key.ts'
import { bind, type Columns, createLookup } from '../lookup.ts'
import { decodeEntry, decodeRecord, encodeEntry } from '../record.ts'
import { createSealer, type Sealer } from '../seal.ts'
import type { Entry, EntryKey } from '../vault.ts'
import type { Session } from './connection.ts'
import { writeKey } from './schema.ts'

const bytes = v.instance(Uint8Array)

const row = v.object({
  identity: bytes,
  scope: bytes,
  hostname: bytes,
  workspace: bytes,
  sealed: bytes,
})

/** The query for the records whose column has a value. */
export function selectBy(column: keyof Columns): string {
  return `SELECT identity, scope, hostname, workspace, sealed FROM record WHERE ${column} = ?`
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
  const { identity, scope, hostname, workspace } = columns
  const sealed = sealer.seal(text, bind(columns))
  db.prepare(
    `INSERT INTO record (identity, scope, hostname, workspace, sealed) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (identity) DO UPDATE SET
       scope = excluded.scope, hostname = excluded.hostname,
       workspace = excluded.workspace, sealed = excluded.sealed`,
  ).run(identity, scope, hostname, workspace, sealed)
}

/** @returns whether there was such a record. */
export function deleteRecord({ db }: Session, identity: Uint8Array): boolean {
  return db.prepare('DELETE FROM record WHERE identity = ?').run(identity).changes > 0
}

/** Seals the whole vault with another key. @returns how many entries there are. */
export function resealRecords({ db, sealer }: Session, next: VaultKey): number {
  const to = { sealer: createSealer(next), lookup: createLookup(next) }
  // The ids first: rows that change while they are being walked may be met again.
  const ids = db.prepare('SELECT id FROM record').all()
  const read = db.prepare(
    'SELECT identity, scope, hostname, workspace, sealed FROM record WHERE id = ?',
  )
  const write = db.prepare(
    'UPDATE record SET identity = ?, scope = ?, hostname = ?, workspace = ?, sealed = ? WHERE id = ?',
  )
  let entries = 0
  for (const { id } of v.parse(v.array(v.object({ id: v.number() })), ids)) {
    const text = openRow(sealer, read.get(id))
    const record = decodeRecord(text)
    const isLink = 'image' in record
    if (!isLink) entries++
    const columns = isLink ? to.lookup.image.columns(record) : to.lookup.columns(record)
    const { identity, scope, hostname, workspace } = columns
    const sealed = to.sealer.seal(text, bind(columns))
    write.run(identity, scope, hostname, workspace, sealed, id)
  }
  writeKey(db, next)
  return entries
}

function openRow(sealer: Sealer, found: unknown): string {
  const { sealed, ...columns } = v.parse(row, found)
  return sealer.open(sealed, bind(columns))
}
