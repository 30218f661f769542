import { join } from 'node:path'
import { parseHost } from '../src/model/host.ts'
import { Secret } from '../src/model/secret.ts'
import { openKeySource } from '../src/vault/key-source.ts'
import { connectOrCreate } from '../src/vault/sqlite/connection.ts'
import { upsertEntry } from '../src/vault/sqlite/record-table.ts'
import { DEFAULT_ENTRY } from '../src/vault/vault.ts'

/** Makes a vault in `home` of one entry for `host` among `count`, in one transaction. */
export function fillVault(home: string, host: string, count: number): void {
  const uid = process.geteuid?.()
  const keys = openKeySource(`file:${join(home, 'key')}`, { env: {}, uid })
  const connection = connectOrCreate({ path: join(home, 'vault.db'), keys, uid })
  const credential = { kind: 'basic', username: 'captain', password: new Secret('bench') } as const
  connection.write((session) => {
    for (let i = 0; i < count; i++) {
      upsertEntry(session, {
        workspace: 'default',
        host: parseHost(i === 0 ? host : `registry-${i}.example`),
        prefix: '',
        name: DEFAULT_ENTRY,
        credential,
        updatedAt: new Date(),
      })
    }
  })
  connection.close()
}
