import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { PurserError } from '../../src/model/errors.ts'
import { rotateKey } from '../../src/vault/sqlite/key-rotation.ts'
import { openVault } from '../../src/vault/sqlite/vault.ts'
import { basic, entryKey } from './files.ts'
import { sandbox } from './sandbox.ts'

type Sandbox = ReturnType<typeof sandbox>

/** A vault of 40 entries, closed. */
export async function filled(): Promise<Sandbox> {
  const options = sandbox()
  const vault = await openVault(options)
  for (let i = 0; i < 40; i++) await vault.put(entryKey('ghcr.io', `org/${i}`), basic(`p${i}`))
  await vault.close()
  return options
}

/** Every file below a directory, with its bytes. */
function snapshot(root: string): ReadonlyMap<string, string> {
  const files = readdirSync(root, { recursive: true, withFileTypes: true })
  const paths = files
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name))
  return new Map(paths.map((path) => [path, readFileSync(path).toString('base64')]))
}

/** Opens, asks, stores, rotates, and expects the same refusal each time, with nothing touched. */
export async function refusal(options: Sandbox): Promise<PurserError> {
  const before = snapshot(options.root)
  const use = async (work: (vault: Awaited<ReturnType<typeof openVault>>) => Promise<unknown>) => {
    const vault = await openVault(options)
    try {
      await work(vault)
    } finally {
      await vault.close()
    }
  }
  const answers = await Promise.allSettled([
    use((vault) => vault.list('default')),
    use((vault) => vault.put(entryKey('ghcr.io'), basic('new'))),
    rotateKey(options),
  ])
  const errors = answers.map((answer) => (answer.status === 'rejected' ? answer.reason : undefined))
  const [first] = errors
  if (!(first instanceof PurserError)) throw new Error('not refused', { cause: first })
  for (const error of errors) {
    expect(error).toMatchObject({ code: first.code, message: first.message, hint: first.hint })
  }
  expect(snapshot(options.root)).toEqual(before)
  return first
}
