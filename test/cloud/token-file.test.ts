import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { readTokenFile } from '../../src/cloud/token-file.ts'

function openFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'purser-token-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

test('a token is read where a link leads, as platforms place theirs', async () => {
  const folder = openFolder()
  writeFileSync(join(folder, 'data'), 'token\n')
  symlinkSync('data', join(folder, 'token'))
  expect(await readTokenFile(join(folder, 'token'), 'NAME')).toBe('token\n')
})

test.each<[string, (path: string) => unknown, string]>([
  ['a pipe without a writer', (path) => execFileSync('mkfifo', [path]), 'it is not a file'],
  ['a device', (path) => symlinkSync('/dev/zero', path), 'it is not a file'],
  ['a folder', (path) => symlinkSync('/tmp', path), 'it is not a file'],
  ['a circle of links', (path) => symlinkSync(path, path), 'ELOOP'],
  [
    'too large',
    (path) => writeFileSync(path, 'x'.repeat(64 * 1024 + 1)),
    'it has more than 64 KiB',
  ],
  ['not there', () => undefined, 'ENOENT'],
])('a token is not waited for in what is %s', async (_, make, why) => {
  const path = join(openFolder(), 'token')
  make(path)
  await expect(readTokenFile(path, 'NAME')).rejects.toMatchObject({
    code: 'exchange-failed',
    message: `NAME: ${why}`,
  })
})
