import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { generateKey, parseKeyring } from '../../src/vault/key.ts'
import { openKeySource, requireKeyring } from '../../src/vault/key-source.ts'
import { tryLock } from '../../src/vault/process-lock.ts'
import { decodeEntry } from '../../src/vault/record.ts'
import { createSealer } from '../../src/vault/seal.ts'
import { onVault } from '../../src/vault/sqlite/database.ts'
import { rotateKey } from '../../src/vault/sqlite/key-rotation.ts'
import { openVault } from '../../src/vault/sqlite/vault.ts'
import { basic, entryKey } from '../vault/files.ts'
import { sandbox } from '../vault/sandbox.ts'
import type { Provocation, Provocations } from './stage.ts'

type Files = ReturnType<typeof sandbox>

async function filled(): Promise<Files> {
  const files = sandbox()
  const vault = await openVault(files)
  await vault.put(entryKey('ghcr.io'), basic('p'))
  await vault.close()
  return files
}

/** A vault to which this has been done, asked what it has. */
const after =
  (spoil: (files: Files) => unknown): Provocation =>
  async () => {
    const files = await filled()
    await spoil(files)
    const vault = await openVault(files)
    try {
      return await vault.list('default')
    } finally {
      await vault.close()
    }
  }

const sql = (statement: string) =>
  after(({ path }) => {
    const db = new DatabaseSync(path)
    db.exec(statement)
    db.close()
  })

/** What the vault and its key are refused with. */
export const VAULT: Provocations = {
  'it is cut off': after(({ path }) => truncateSync(path, 100)),
  'it is not a database': after(({ path }) => writeFileSync(path, 'x'.repeat(8192))),
  'it is another program’s': sql('PRAGMA application_id = 7'),
  'it is a newer purser’s': sql('PRAGMA user_version = 99'),
  'it does not say its key': sql('DELETE FROM vault'),
  'it has no records': sql('DROP TABLE record'),
  'its log is without it': after(({ path }) => {
    writeFileSync(`${path}-wal`, 'log', { mode: 0o600 })
    rmSync(path)
  }),
  'another program has it': async () => {
    const { path } = await filled()
    const [holder, waiter] = [new DatabaseSync(path), new DatabaseSync(path)]
    try {
      holder.exec('BEGIN IMMEDIATE')
      return onVault(path, () => waiter.exec('BEGIN IMMEDIATE'))
    } finally {
      holder.close()
      waiter.close()
    }
  },
  'it is in a file': async () => {
    const { path, ...files } = await filled()
    const vault = await openVault({ ...files, path: join(path, 'vault.db') })
    return vault.list('default')
  },
  'others can read it': after(({ path }) => chmodSync(path, 0o644)),
  'others can enter its directory': after(({ path }) => chmodSync(dirname(path), 0o755)),
  'it is a link': after(({ path, root }) => {
    renameSync(path, join(root, 'elsewhere'))
    symlinkSync(join(root, 'elsewhere'), path)
  }),
  'it is a directory': after(({ path }) => {
    rmSync(path)
    mkdirSync(path, { mode: 0o700 })
  }),
  'it is somebody else’s': after(({ path }) => chownSync(path, 65_534, 65_534)),
  'a record is a newer purser’s': () => decodeEntry('{"kind":"later"}'),
  'a record was moved': () => {
    const sealer = createSealer(generateKey())
    return sealer.open(sealer.seal('text', Buffer.from('here')), Buffer.from('there'))
  },
  'its key is another’s': after(async ({ keyPath }) =>
    copyFileSync((await filled()).keyPath, keyPath),
  ),
  'its key is gone': after(({ keyPath }) => rmSync(keyPath)),
  'its key is too long': after(({ keyPath }) => writeFileSync(keyPath, '\n'.repeat(5000))),
  'its key is none': () => parseKeyring('hunter2', 'file:/key'),
  'its key is a newer purser’s': () => parseKeyring('purser-key-v2:x', 'file:/key'),
  'its key is in a file': ({ put }) =>
    requireKeyring(
      openKeySource(`file:${put('f', '')}/key`, { env: {}, uid: process.geteuid?.() }),
    ),
  'its key is below a file': ({ put }) =>
    requireKeyring(openKeySource(`file:${put('f', '')}/x/key`, { env: {}, uid: undefined })),
  'it is below a file': async () => {
    const { keyPath, ...files } = await filled()
    const vault = await openVault({ ...files, path: join(keyPath, 'data', 'vault.db') })
    return vault.list('default')
  },
  'its key is nowhere': () => openKeySource('nowhere', { env: {}, uid: undefined }),
  'its key cannot be written': async () => {
    const files = sandbox()
    const text = `purser-key-v1:${Buffer.alloc(32, 7).toString('base64url')}`
    const keys = openKeySource('env:KEY', { env: { KEY: text }, uid: files.uid })
    const vault = await openVault({ ...files, keys })
    await vault.put(entryKey('ghcr.io'), basic('p'))
    await vault.close()
    return rotateKey({ ...files, keys })
  },
  'a lock cannot be made': ({ root }) => tryLock(root),
}
