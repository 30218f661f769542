import { rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseHost } from '../../src/model/host.ts'
import { Secret } from '../../src/model/secret.ts'
import { openVault } from '../../src/vault/sqlite/vault.ts'
import { sandbox } from './sandbox.ts'

const KEY = { workspace: 'default', host: parseHost('ghcr.io'), prefix: '', name: 'ghcr' }
const credential = (password: string) =>
  ({ kind: 'basic', username: 'ann', password: new Secret(password) }) as const

test('a revision lasts until somebody writes, whoever it is', async () => {
  const options = sandbox()
  const [one, other] = [await openVault(options), await openVault(options)]
  expect(one.revision?.()).toBeUndefined()
  const seen = new Set<string | undefined>([undefined])
  const look = () => {
    const revision = one.revision?.()
    const isNew = !seen.has(revision)
    seen.add(revision)
    expect(one.revision?.()).toBe(revision)
    return isNew
  }
  await one.put(KEY, credential('a'))
  expect(look()).toBe(true)
  await other.find('default', KEY.host, undefined)
  expect(look()).toBe(false)
  await other.put(KEY, credential('b'))
  expect(look()).toBe(true)
  await other.remove(KEY)
  expect(look()).toBe(true)
  await other.close()
  expect(look()).toBe(false)
  await one.close()
})

test('what is not known is no revision', async () => {
  const options = sandbox()
  const vault = await openVault(options)
  await vault.put(KEY, credential('a'))
  rmSync(options.path)
  expect(vault.revision?.()).toBeUndefined()
  await vault.close()
})
