import { setImmediate } from 'node:timers/promises'
import * as v from 'valibot'
import type { Archive } from '../archive.ts'
import { refuseLoss } from '../copy.ts'
import { COLUMNS } from '../row.ts'
import { connect, connectOrCreate, type VaultFile } from './connection.ts'
import { explain, onVault } from './database.ts'
import { insertRow } from './record-table.ts'

/** Opens a file of SQLite as a whole. */
export function openSqliteArchive(file: VaultFile): Archive {
  const { path } = file
  return {
    name: path,
    async read() {
      return onVault(path, () => {
        const connection = connect(file)
        try {
          return connection?.read(({ db, ...recordKeys }) => ({
            rows: db.prepare(`SELECT ${COLUMNS} FROM record ORDER BY id`).all(),
            recordKeys,
          }))
        } finally {
          connection?.close()
        }
      })
    },
    async replace(content, overwrite) {
      const connection = onVault(path, () => connectOrCreate(file))
      try {
        await connection.writeInTurns(async ({ db, ...recordKeys }) => {
          const { records } = v.parse(
            v.object({ records: v.number() }),
            db.prepare('SELECT count(*) AS records FROM record').get(),
          )
          refuseLoss(path, records, overwrite)
          db.exec('DELETE FROM record')
          for (const rows of content(recordKeys)) {
            for (const row of rows) insertRow(db, row)
            // Whoever watches the progress is let see it.
            await setImmediate()
          }
        })
        connection.truncateLog()
      } catch (error) {
        throw explain(path, error)
      } finally {
        connection.close()
      }
    },
  }
}
