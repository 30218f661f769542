import { cpSync, renameSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { parseHost } from '../../src/model/host.ts'
import { rotateKey } from '../../src/vault/sqlite/key-rotation.ts'
import { selectBy } from '../../src/vault/sqlite/record-table.ts'
import type { Vault } from '../../src/vault/vault.ts'
import { basic, entryKey } from './files.ts'
import { openForTest, sandbox } from './sandbox.ts'

const ghcr = parseHost('ghcr.io')
const key = entryKey('ghcr.io')

async function passwordIn(vault: Vault): Promise<string | undefined> {
  const [entry] = await vault.find('default', ghcr, undefined)
  return entry?.credential.kind === 'basic' ? entry.credential.password.reveal() : undefined
}

test('what was found is not looked up again while nobody writes', async () => {
  const vault = await openForTest(sandbox())
  await vault.put(key, basic('one'))
  const [first] = await vault.find('default', ghcr, 'a/b')
  const [second] = await vault.find('default', ghcr, 'a/b')
  expect(first).toBeDefined()
  expect(second).toBe(first)
})

test.each<{ name: string; write: (own: Vault, other: Vault) => Promise<unknown> }>([
  { name: 'by itself', write: (own) => own.put(key, basic('two')) },
  { name: 'by another connection', write: (_, other) => other.put(key, basic('two')) },
])('the very next question gets what is written $name', async ({ write }) => {
  const options = sandbox()
  const own = await openForTest(options)
  const other = await openForTest(options)
  await own.put(key, basic('one'))
  expect(await passwordIn(own)).toBe('one')
  await write(own, other)
  expect(await passwordIn(own)).toBe('two')
  expect(await passwordIn(other)).toBe('two')
})

test('an entry that is removed is gone with the next question', async () => {
  const options = sandbox()
  const own = await openForTest(options)
  const other = await openForTest(options)
  await own.put(key, basic('one'))
  expect(await passwordIn(own)).toBe('one')
  expect(await other.remove(key)).toBe(true)
  expect(await passwordIn(own)).toBeUndefined()
})

test('an entry that is added counts although there was none', async () => {
  const options = sandbox()
  const own = await openForTest(options)
  const other = await openForTest(options)
  await own.put(entryKey('other.example'), basic('other'))
  expect(await passwordIn(own)).toBeUndefined()
  await other.put(key, basic('one'))
  expect(await passwordIn(own)).toBe('one')
})

test('a vault that is put in the place of another is the one that answers', async () => {
  const options = sandbox()
  const old = await openForTest(options)
  await old.put(key, basic('old'))
  await old.close()
  cpSync(options.path, `${options.path}.backup`)
  const vault = await openForTest(options)
  await vault.put(key, basic('new'))
  expect(await passwordIn(vault)).toBe('new')
  for (const log of ['-wal', '-shm']) rmSync(`${options.path}${log}`)
  renameSync(`${options.path}.backup`, options.path)
  expect(await passwordIn(vault)).toBe('old')
})

test('a rotation of the key changes nothing that is found', async () => {
  const options = sandbox()
  const vault = await openForTest(options)
  await vault.put(key, basic('one'))
  const [before] = await vault.find('default', ghcr, undefined)
  await rotateKey(options)
  const [after] = await vault.find('default', ghcr, undefined)
  expect(after).not.toBe(before)
  expect(await passwordIn(vault)).toBe('one')
})

test.each(['identity', 'scope', 'hostname', 'workspace'] as const)(
  'a look-up by %s goes by an index, however many entries there are',
  async (column) => {
    const options = sandbox()
    const vault = await openForTest(options)
    await vault.put(key, basic('one'))
    using db = new DatabaseSync(options.path, { readOnly: true })
    const plan = db.prepare(`EXPLAIN QUERY PLAN ${selectBy(column)}`).all(new Uint8Array(32))
    expect(plan).toHaveLength(1)
    expect(plan[0]?.['detail']).toMatch(/^SEARCH record USING INDEX .* \(\w+=\?\)$/)
  },
)
