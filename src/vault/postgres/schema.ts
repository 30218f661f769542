import * as v from 'valibot'
import { PurserError } from '../../model/errors.ts'
import type { VaultKey } from '../key.ts'
import { keyCheckOf } from '../key-check.ts'
import type { Connection, Database } from './database.ts'

/** What makes format n + 1 of format n; what has been released is never changed. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE purser.vault (
    one       boolean PRIMARY KEY DEFAULT true CHECK (one),
    format    integer NOT NULL,
    revision  bigint NOT NULL,
    key_id    text NOT NULL,
    key_check bytea NOT NULL
  );
  CREATE TABLE purser.record (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    identity  bytea NOT NULL UNIQUE,
    scope     bytea NOT NULL,
    hostname  bytea NOT NULL,
    workspace bytea NOT NULL,
    sealed    bytea NOT NULL
  );
  CREATE INDEX record_scope ON purser.record (scope);
  CREATE INDEX record_hostname ON purser.record (hostname);
  CREATE INDEX record_workspace ON purser.record (workspace);
  `,
  `
  CREATE TABLE purser.login (
    name       bytea PRIMARY KEY,
    sealed     bytea NOT NULL,
    written_at timestamptz NOT NULL
  );
  CREATE INDEX login_written_at ON purser.login (written_at);
  `,
]

/** The format that this version reads and writes. */
const FORMAT = MIGRATIONS.length

/** "Purs": who changes the tables holds this, so that it happens once. */
const MIGRATION_LOCK = 0x50757273

/** The one row of `purser.vault`. */
export interface Meta {
  readonly keyId: string
  readonly keyCheck: Uint8Array
  /** Another one after each change of a record. */
  readonly revision: bigint
}

/** Its columns, for a query of which it is `v`. */
export const META = 'v.format, v.revision, v.key_id, v.key_check'

const metaRow = v.object({
  format: v.number(),
  revision: v.pipe(
    v.string(),
    v.regex(/^\d{1,19}$/),
    v.transform((text) => BigInt(text)),
  ),
  key_id: v.string(),
  key_check: v.instance(Uint8Array),
})

/**
 * Reads the row.
 *
 * @returns `undefined` if it has to be migrated first
 * @throws `vault-failed` if a newer Purser made it, `vault-corrupt` if it is none
 */
export function parseMeta(row: unknown): Meta | undefined {
  const parsed = v.safeParse(metaRow, row)
  if (!parsed.success) {
    throw new PurserError(
      'vault-corrupt',
      'the database does not say which key it is sealed with',
      {
        hint: 'restore it from a backup, or drop its schema purser and log in again',
      },
    )
  }
  const { format, revision, key_id: keyId, key_check: keyCheck } = parsed.output
  if (format > FORMAT) {
    throw new PurserError(
      'vault-failed',
      `the vault has format ${format}, and this purser reads format ${FORMAT}`,
      { hint: 'a newer purser made it: upgrade this one' },
    )
  }
  return format < FORMAT ? undefined : { keyId, keyCheck, revision }
}

/**
 * Makes the tables what this version needs, unless they are; who comes meanwhile waits.
 *
 * @param makeKey - called if there is no vault yet, while nobody else makes one; without it, none is made
 */
export async function migrate(database: Database, makeKey?: () => VaultKey): Promise<void> {
  await database.transaction('read committed', async (connection) => {
    await connection.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK])
    const format = await formatOf(connection)
    if (format === undefined && makeKey === undefined) return
    const from = format ?? 0
    if (from === 0) await makeSchema(connection)
    for (const sql of MIGRATIONS.slice(from)) await connection.query(sql)
    if (from > 0) {
      if (from < FORMAT) await connection.query('UPDATE purser.vault SET format = $1', [FORMAT])
      return
    }
    const key = makeKey?.()
    if (key === undefined) return
    await connection.query(
      'INSERT INTO purser.vault (format, revision, key_id, key_check) VALUES ($1, 1, $2, $3)',
      [FORMAT, key.id, keyCheckOf(key)],
    )
  })
}

/** Whoever may not make a schema may own one that somebody else has made. */
async function makeSchema(connection: Connection): Promise<void> {
  const { rows } = await connection.query("SELECT 1 WHERE to_regnamespace('purser') IS NULL")
  if (rows.length > 0) await connection.query('CREATE SCHEMA purser')
  await connection.query('REVOKE ALL ON SCHEMA purser FROM PUBLIC')
}

async function formatOf(connection: Connection): Promise<number | undefined> {
  const { rows } = await connection.query("SELECT 1 WHERE to_regclass('purser.vault') IS NOT NULL")
  if (rows.length === 0) return undefined
  const found = await connection.query('SELECT format FROM purser.vault')
  return v.parse(v.object({ format: v.number() }), found.rows[0]).format
}
