import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { basic, entryKey } from '../vault/files.ts'
import { openCommandLine } from './command-line.ts'

function folder(): string {
  const root = mkdtempSync(join(tmpdir(), 'purser-copy-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  return root
}

test('vault copy takes all of a vault elsewhere, sealed with the key that is named', async () => {
  const { vault, path, run } = await openCommandLine()
  const root = folder()
  const to = `sqlite:${join(root, 'data', 'copy.db')}`
  await vault.put(entryKey('ghcr.io'), basic('p'))
  await vault.put(entryKey('ghcr.io', 'acme', { workspace: 'other' }), basic('p'))
  const toKey = ['--to-key', `file:${join(root, 'config', 'key')}`]
  expect(await run('vault', 'copy', `sqlite:${path}`, to, ...toKey)).toEqual({
    code: 0,
    stdout: '',
    stderr: `purser: copied 2 entries to ${join(root, 'data', 'copy.db')}\n`,
  })
  expect(await run('vault', 'copy', `sqlite:${path}`, to, ...toKey)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('--overwrite'),
  })
  const again = await run('vault', 'copy', `sqlite:${path}`, to, ...toKey, '--overwrite', '--json')
  expect(JSON.parse(again.stdout)).toEqual({
    from: path,
    to: join(root, 'data', 'copy.db'),
    entries: 2,
    links: 0,
  })
})

test('key generate prints a key to a pipe, and never to a screen', async () => {
  const piped = await (await openCommandLine()).run('key', 'generate')
  expect(piped.stdout).toMatch(/^purser-key-v1:[A-Za-z0-9_-]{43}\n$/)
  const shown = await (await openCommandLine({ terminal: true })).run('key', 'generate')
  expect(shown).toMatchObject({ code: 2, stdout: '' })
})
