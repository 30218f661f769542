import {
  chmodSync,
  copyFileSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { describeError } from '../../src/model/errors.ts'
import { showKey } from '../../src/vault/key-info.ts'
import { decodeEntry } from '../../src/vault/record.ts'
import { onVault } from '../../src/vault/sqlite/database.ts'
import { initKey } from '../../src/vault/sqlite/key-rotation.ts'
import { filled, refusal } from './refusal.ts'

describe('a vault that is cut off is damage, and stays as it is', () => {
  test.each([0, 1, 100, 511, 512, 4095, 4096, 8192, -8192, -4096, -4095, -1])(
    '%d bytes of it, negative ones from its end',
    async (length) => {
      const options = await filled()
      const { length: whole } = readFileSync(options.path)
      truncateSync(options.path, length < 0 ? whole + length : length)
      const error = await refusal(options)
      expect(error.code).toBe('vault-corrupt')
      expect(error.message).toContain(options.path)
      expect(error.hint).toContain('backup')
    },
  )
})

test('a file that is no database', async () => {
  const options = await filled()
  writeFileSync(options.path, 'x'.repeat(8192))
  expect(await refusal(options)).toMatchObject({
    code: 'vault-corrupt',
    message: `cannot use the vault ${options.path}: file is not a database`,
  })
})

test("another program's database", async () => {
  const options = await filled()
  rmSync(options.path)
  const db = new DatabaseSync(options.path)
  db.exec('CREATE TABLE other (x)')
  db.close()
  chmodSync(options.path, 0o600)
  const error = await refusal(options)
  expect(error.code).toBe('vault-corrupt')
  expect(error.cause).toMatchObject({ message: 'the file is a database, but not a vault' })
})

test("a newer purser's vault", async () => {
  const options = await filled()
  const db = new DatabaseSync(options.path)
  db.exec('PRAGMA user_version = 2')
  db.close()
  expect(await refusal(options)).toMatchObject({
    code: 'vault-failed',
    hint: 'a newer purser made it: upgrade this one',
  })
})

test('a vault whose file is gone and whose log is not', async () => {
  const options = await filled()
  writeFileSync(`${options.path}-wal`, 'log', { mode: 0o600 })
  rmSync(options.path)
  const error = await refusal(options)
  expect(error.code).toBe('vault-corrupt')
  expect(error.message).toBe(`${options.path} is gone, but its log ${options.path}-wal is there`)
})

describe('a vault that lacks', () => {
  test.each([
    { what: 'the id of its key', sql: 'DELETE FROM vault', code: 'vault-corrupt' },
    { what: 'its records', sql: 'DROP TABLE record', code: 'vault-failed' },
  ])('$what', async ({ sql, code }) => {
    const options = await filled()
    const db = new DatabaseSync(options.path)
    db.exec(sql)
    db.close()
    const error = await refusal(options)
    expect(error.code).toBe(code)
    expect(error.message).toContain(`cannot use the vault ${options.path}`)
  })
})

test('a place where no file can be', async () => {
  const options = await filled()
  const error = await refusal({ ...options, path: join(options.keyPath, 'data', 'vault.db') })
  expect(error.code).toBe('vault-failed')
  expect(describeError(error)).toContain('ENOTDIR')
})

test('a vault that another program has locked', async () => {
  const options = await filled()
  const [holder, waiter] = [0, 1].map(() => new DatabaseSync(options.path))
  holder?.exec('BEGIN IMMEDIATE')
  expect(() => onVault(options.path, () => waiter?.exec('BEGIN IMMEDIATE'))).toThrow(
    expect.objectContaining({
      code: 'vault-failed',
      message: `cannot use the vault ${options.path}: database is locked`,
      hint: 'another program has locked the vault: try again when it is done',
    }),
  )
  holder?.close()
  waiter?.close()
})

test.each([
  '',
  '{"workspace":',
  '{}',
  '{"workspace":"w","host":"ghcr.io","prefix":"","name":"n","credential":{"kind":"later"},"updatedAt":1}',
  '{"workspace":"w","host":"a b","prefix":"","name":"n","credential":{"kind":"gcp-token","token":"t"},"updatedAt":1}',
  '{"workspace":"w","host":"a","prefix":"","name":"n","credential":{"kind":"gcp-token","token":"t"},"updatedAt":-1}',
])('a record that holds %j', (text) => {
  expect(() => decodeEntry(text)).toThrow(
    expect.objectContaining({
      code: 'vault-corrupt',
      message: 'a record holds what this version cannot read',
      hint: 'if a newer purser wrote it, upgrade this one',
    }),
  )
})

describe('the key', () => {
  test('of another vault', async () => {
    const options = await filled()
    copyFileSync((await filled()).keyPath, options.keyPath)
    expect(await refusal(options)).toMatchObject({
      code: 'key-invalid',
      message: `the key at file:${options.keyPath} is not the one of the vault ${options.path}`,
    })
  })

  test('is missing, and no new one is made', async () => {
    const options = await filled()
    rmSync(options.keyPath)
    const missing = {
      code: 'key-missing',
      message: `there is no key at file:${options.keyPath}`,
      hint: expect.stringContaining('restore it'),
    }
    expect(await refusal(options)).toMatchObject(missing)
    await expect(initKey(options)).rejects.toMatchObject(missing)
    await expect(showKey(options.keys)).rejects.toMatchObject(missing)
    expect(readdirSync(dirname(options.keyPath))).toEqual([])
  })

  test.each([
    { name: 'empty', text: '', message: 'does not hold a key' },
    { name: 'short', text: 'purser-key-v1:abc\n', message: 'does not hold a key' },
    { name: 'something else', text: 'hunter2-canary\n', message: 'does not hold a key' },
    {
      name: 'of a later format',
      text: 'purser-key-v2:abc\n',
      message: 'was written by a newer purser',
    },
    { name: 'too large', text: 'x'.repeat(5000), message: 'is larger than 4096 bytes' },
  ])('is $name', async ({ text, message }) => {
    const options = await filled()
    writeFileSync(options.keyPath, text)
    const error = await refusal(options)
    expect(error.message).toContain(message)
    expect(`${error.message}${error.hint}`).not.toContain('canary')
  })
})
