import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadConfig, readCertificates } from '../../src/config/file.ts'
import { findPaths } from '../../src/config/paths.ts'

const uid = process.geteuid?.()
let home: string

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'config-'))
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

/** Both say whom the credentials may go to. */
const READERS = [
  {
    name: 'the configuration',
    read: async (file: string) =>
      loadConfig({ paths: findPaths({ PURSER_HOME: home }, uid ?? 0), file, uid }),
  },
  { name: 'a file of [tls] ca', read: async (file: string) => readCertificates(file, uid) },
]

describe.each(READERS)('$name', ({ name, read }) => {
  test.each([0o600, 0o644, 0o444])('may be read by others: mode %o', async (mode) => {
    const file = fileOf(mode)
    await expect(read(file)).resolves.toBeDefined()
  })

  test.each([0o620, 0o602, 0o666])('may not be written by others: mode %o', async (mode) => {
    const file = fileOf(mode)
    await expect(read(file)).rejects.toMatchObject({
      code: 'unsafe-file',
      message: `${file} can be written by others`,
    })
  })

  test('is a file, and there', async () => {
    await expect(read(home)).rejects.toMatchObject({
      code: 'config-invalid',
      message: `${home} is not a file of at most 1 MiB`,
    })
    await expect(read(join(home, 'none'))).rejects.toMatchObject({
      code: 'config-invalid',
      message: `cannot read ${name}`,
    })
  })
})

function fileOf(mode: number): string {
  const file = join(home, 'file')
  writeFileSync(file, '')
  chmodSync(file, mode)
  return file
}
