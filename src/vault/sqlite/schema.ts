import type { DatabaseSync } from 'node:sqlite'
import * as v from 'valibot'
import { PurserError } from '../../model/errors.ts'
import type { VaultKey } from '../key.ts'
import { keyCheckOf } from '../key-check.ts'

/** The version of the tables below, kept in `PRAGMA user_version`. */
const SCHEMA_VERSION = 1

/** "Purs": tells a vault from any other program's database (`PRAGMA application_id`). */
const APPLICATION_ID = 0x50757273

/** Every vault has pages of this size, so a file of another multiple has lost its end. */
export const PAGE_BYTES = 4096

const TABLES = `
  CREATE TABLE vault (
    one       INTEGER PRIMARY KEY CHECK (one = 1),
    key_id    TEXT NOT NULL,
    key_check BLOB NOT NULL
  ) STRICT;
  CREATE TABLE record (
    id        INTEGER PRIMARY KEY,
    identity  BLOB NOT NULL UNIQUE,
    scope     BLOB NOT NULL,
    hostname  BLOB NOT NULL,
    workspace BLOB NOT NULL,
    sealed    BLOB NOT NULL
  ) STRICT;
  CREATE INDEX record_scope ON record (scope);
  CREATE INDEX record_hostname ON record (hostname);
  CREATE INDEX record_workspace ON record (workspace);
`

/** Makes an empty file an empty vault of the current version. */
export function createSchema(db: DatabaseSync, key: VaultKey): void {
  // Both can be set only while the file is empty, and stay with it.
  db.exec(`PRAGMA page_size = ${PAGE_BYTES}; PRAGMA journal_mode = WAL`)
  db.exec(`
    BEGIN;
    PRAGMA application_id = ${APPLICATION_ID};
    PRAGMA user_version = ${SCHEMA_VERSION};
    ${TABLES}
  `)
  db.prepare('INSERT INTO vault (one, key_id, key_check) VALUES (1, ?, ?)').run(...checkOf(key))
  db.exec('COMMIT')
}

/**
 * Checks that a file is a vault of a version that is known here.
 *
 * @throws `vault-corrupt` if this is no vault; `vault-failed` if it is one of a newer version.
 */
export function checkSchema(db: DatabaseSync): void {
  const id = v.parse(v.object({ application_id: v.number() }), row(db, 'PRAGMA application_id'))
  if (id.application_id !== APPLICATION_ID) {
    throw new PurserError('vault-corrupt', 'the file is a database, but not a vault')
  }
  const { user_version } = v.parse(
    v.object({ user_version: v.number() }),
    row(db, 'PRAGMA user_version'),
  )
  if (user_version !== SCHEMA_VERSION) {
    throw new PurserError(
      'vault-failed',
      `the vault has format ${user_version}, and this purser reads format ${SCHEMA_VERSION}`,
      { hint: 'a newer purser made it: upgrade this one' },
    )
  }
}

/** The id of the key that the whole vault is sealed with. */
export function readKeyId(db: DatabaseSync): string {
  return parseMeta(db).key_id
}

/** What proves the key. */
export function readKeyCheck(db: DatabaseSync): Uint8Array {
  return parseMeta(db).key_check
}

/** Says which key the vault is sealed with from now on. */
export function writeKey(db: DatabaseSync, key: VaultKey): void {
  db.prepare('UPDATE vault SET key_id = ?, key_check = ?').run(...checkOf(key))
}

const meta = v.object({ key_id: v.string(), key_check: v.instance(Uint8Array) })

function parseMeta(db: DatabaseSync): v.InferOutput<typeof meta> {
  const parsed = v.safeParse(meta, row(db, 'SELECT key_id, key_check FROM vault'))
  if (parsed.success) return parsed.output
  throw new PurserError('vault-corrupt', 'the vault does not say which key it is sealed with')
}

function row(db: DatabaseSync, sql: string): unknown {
  return db.prepare(sql).get()
}

function checkOf(key: VaultKey): [string, Uint8Array] {
  return [key.id, keyCheckOf(key)]
}
