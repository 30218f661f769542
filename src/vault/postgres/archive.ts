import * as v from 'valibot'
import { PurserError } from '../../model/errors.ts'
import type { Archive } from '../archive.ts'
import { refuseLoss } from '../copy.ts'
import { type KeySource, requireKeyring } from '../key-source.ts'
import type { Database } from './database.ts'
import { createKeys } from './keys.ts'
import { allRows, announce, lockVault, readMeta, readRevision, upsertRows } from './record-table.ts'
import { migrate } from './schema.ts'

/** Opens a database's vault as a whole. */
export function openPostgresArchive(database: Database, source: KeySource): Archive {
  const { name } = database
  const keys = createKeys(source, name)
  return {
    name,
    async read() {
      if ((await readRevision(database)) === undefined) return undefined
      return database.transaction('repeatable read', async (connection) => {
        const meta = await readMeta(connection)
        if (meta === undefined) return undefined
        const rows: unknown[] = []
        for await (const page of allRows(connection)) rows.push(...page)
        return { rows, recordKeys: await keys.of(meta) }
      })
    },
    async replace(content, overwrite) {
      await migrate(database, () => {
        const [key] = source.read() ?? source.writer?.create() ?? requireKeyring(source)
        return key
      })
      await database.transaction('read committed', async (connection) => {
        const meta = await lockVault(connection)
        if (meta === undefined) throw new PurserError('vault-failed', `${name} has vanished`)
        const counted = await connection.query('SELECT count(*)::int AS records FROM purser.record')
        const { records } = v.parse(v.object({ records: v.number() }), counted.rows[0])
        refuseLoss(name, records, overwrite)
        await connection.query('DELETE FROM purser.record')
        const recordKeys = await keys.of(meta)
        for (const rows of content(recordKeys)) await upsertRows(connection, rows)
        await announce(connection)
      })
    },
  }
}
