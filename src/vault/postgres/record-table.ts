import * as v from 'valibot'
import { keyCheckOf } from '../key-check.ts'
import type { Columns, Lookup } from '../lookup.ts'
import type { RecordKeys } from '../record-keys.ts'
import { COLUMNS, openRow, type Row, resealed } from '../row.ts'
import type { Connection, Database } from './database.ts'
import type { Keys } from './keys.ts'
import { META, type Meta, migrate, parseMeta } from './schema.ts'

/** On which everybody hears the revision that a change has made. */
export const CHANNEL = 'purser_vault'

/** What is asked for: a column, and the values that it may have. */
export interface Sought {
  readonly column: keyof Columns
  readonly values: readonly Uint8Array[]
}

/** What was found, and when. */
export interface Found {
  readonly texts: readonly string[]
  readonly revision: bigint
}

/**
 * Opens the records that are asked for, in no order, by one statement that also says with which key the
 * vault is sealed.
 *
 * @returns `undefined` if there is no vault
 */
export async function selectTexts(
  database: Database,
  keys: Keys,
  sought: (lookup: Lookup) => Sought,
): Promise<Found | undefined> {
  const likely = keys.likely() ?? (await keyOf(database, keys))
  if (likely === undefined) return undefined
  const read = (recordKeys: RecordKeys) => select(database, sought(recordKeys.lookup))
  let found = await read(likely)
  if (found === 'old') {
    await migrate(database)
    found = await read(likely)
  }
  if (found === undefined || found === 'old') return undefined
  const recordKeys = await keys.of(found.meta)
  // It was sought by the hashes of another key: the vault was rotated since.
  if (recordKeys.key.id !== likely.key.id) return selectTexts(database, keys, sought)
  return {
    texts: found.rows.map((row) => openRow(recordKeys.sealer, row)),
    revision: found.meta.revision,
  }
}

/** Of a vault whose key is nowhere, to tell so; of no vault, none. */
async function keyOf(database: Database, keys: Keys): Promise<RecordKeys | undefined> {
  const meta = await readMeta(database)
  return meta && keys.of(meta)
}

interface Selected {
  readonly meta: Meta
  readonly rows: readonly unknown[]
}

async function select(
  connection: Connection,
  { column, values }: Sought,
): Promise<Selected | 'old' | undefined> {
  const sql = `
    SELECT ${META}, r.identity, r.scope, r.hostname, r.workspace, r.sealed
    FROM purser.vault v LEFT JOIN purser.record r ON r.${column} = ANY ($1)`
  const rows = await rowsOrNone(connection, sql, [values])
  if (rows === undefined || rows.length === 0) return undefined
  const meta = parseMeta(rows[0])
  return meta === undefined ? 'old' : { meta, rows: rows.filter(isRecord) }
}

/** Of an outer join, the row that says that there is none. */
function isRecord(row: unknown): boolean {
  return typeof row === 'object' && row !== null && 'identity' in row && row.identity !== null
}

/** @see https://www.postgresql.org/docs/current/errcodes-appendix.html for `undefined_table` and `invalid_schema_name` */
const NO_TABLES = new Set(['42P01', '3F000'])

/** @returns `undefined` if there are no tables yet */
async function rowsOrNone(
  connection: Connection,
  sql: string,
  values: readonly unknown[] = [],
): Promise<readonly unknown[] | undefined> {
  try {
    return (await connection.query(sql, values)).rows
  } catch (error) {
    const { cause } = error instanceof Error ? error : {}
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    if (NO_TABLES.has(code)) return undefined
    throw error
  }
}

/** Which revision of the vault is current; `undefined` if there is none. */
export async function readRevision(connection: Connection): Promise<bigint | undefined> {
  return (await readMeta(connection))?.revision
}

/** The vault's own row; `undefined` if there is no vault. */
export async function readMeta(connection: Connection): Promise<Meta | undefined> {
  const rows = await rowsOrNone(connection, `SELECT ${META} FROM purser.vault v`)
  return rows?.[0] === undefined ? undefined : parseMeta(rows[0])
}

/** Reads the vault's own row, and has every other writer wait for the end of the transaction. */
export async function lockVault(connection: Connection): Promise<Meta | undefined> {
  const { rows } = await connection.query(`SELECT ${META} FROM purser.vault v FOR UPDATE`)
  return rows[0] === undefined ? undefined : parseMeta(rows[0])
}

/** Makes the next revision, of which everybody hears when the transaction ends. */
export async function announce(connection: Connection): Promise<bigint> {
  const { rows } = await connection.query(
    'UPDATE purser.vault v SET revision = v.revision + 1 RETURNING v.revision::text AS revision',
  )
  const { revision } = v.parse(v.object({ revision: v.string() }), rows[0])
  await connection.query('SELECT pg_notify($1, $2)', [CHANNEL, revision])
  return BigInt(revision)
}

/** The rows whose column has a value, within a transaction. */
export async function selectRows(
  connection: Connection,
  column: keyof Columns,
  value: Uint8Array,
): Promise<readonly unknown[]> {
  const sql = `SELECT ${COLUMNS} FROM purser.record WHERE ${column} = $1`
  return (await connection.query(sql, [value])).rows
}

/** Writes rows, each in the place of the one with the same identity. */
export async function upsertRows(connection: Connection, rows: readonly Row[]): Promise<void> {
  await connection.query(
    `INSERT INTO purser.record (${COLUMNS})
     SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::bytea[], $5::bytea[])
     ON CONFLICT (identity) DO UPDATE SET
       scope = excluded.scope, hostname = excluded.hostname,
       workspace = excluded.workspace, sealed = excluded.sealed`,
    [
      rows.map(({ identity }) => identity),
      rows.map(({ scope }) => scope),
      rows.map(({ hostname }) => hostname),
      rows.map(({ workspace }) => workspace),
      rows.map(({ sealed }) => sealed),
    ],
  )
}

/** Deletes the row of an identity. @returns whether there was such a record */
export async function deleteRow(connection: Connection, identity: Uint8Array): Promise<boolean> {
  const sql = 'DELETE FROM purser.record WHERE identity = $1'
  return (await connection.query(sql, [identity])).changed > 0
}

/** Of so many rows a page of a walk consists: 1 MiB. */
const PAGE = 1_000

/**
 * All rows, a page at a time, as the transaction sees them.
 *
 * By their ids: rows that are written meanwhile by the same transaction have others.
 */
export async function* allRows(connection: Connection): AsyncGenerator<readonly unknown[]> {
  const last = v.object({ id: v.string() })
  for (let after = '0'; ; ) {
    const { rows } = await connection.query(
      `SELECT id, ${COLUMNS} FROM purser.record WHERE id > $1 ORDER BY id LIMIT ${PAGE}`,
      [after],
    )
    if (rows.length === 0) return
    yield rows
    after = v.parse(last, rows.at(-1)).id
  }
}

/** Seals the whole vault with another key. @returns how many entries there are */
export async function resealRows(
  connection: Connection,
  from: RecordKeys,
  to: RecordKeys,
): Promise<number> {
  let entries = 0
  const sealed: Row[] = []
  for await (const rows of allRows(connection)) {
    for (const found of rows) {
      const { row, isEntry } = resealed(openRow(from.sealer, found), to)
      sealed.push(row)
      if (isEntry) entries++
    }
  }
  await connection.query('DELETE FROM purser.record')
  for (let at = 0; at < sealed.length; at += PAGE) {
    await upsertRows(connection, sealed.slice(at, at + PAGE))
  }
  // What was sealed under the old key opens no more.
  await connection.query('DELETE FROM purser.login')
  await connection.query('UPDATE purser.vault SET key_id = $1, key_check = $2', [
    to.key.id,
    keyCheckOf(to.key),
  ])
  return entries
}
