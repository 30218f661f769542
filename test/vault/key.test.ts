import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { formatKeyring, generateKey, parseKeyring } from '../../src/vault/key.ts'
import { showKey } from '../../src/vault/key-info.ts'
import { openKeySource } from '../../src/vault/key-source.ts'
import { createPrivateFile, writeDurably } from '../../src/vault/private-file.ts'
import { initKey, rotateKey } from '../../src/vault/sqlite/key-rotation.ts'
import { basic, entryKey } from './files.ts'
import { openForTest, sandbox } from './sandbox.ts'

const uid = process.getuid?.()

test('keys are read as they are written, and print as nothing', () => {
  const keys = [generateKey(), generateKey()] as const
  const text = formatKeyring(keys)
  expect(parseKeyring(text, 'test').map((key) => key.id)).toEqual(keys.map((key) => key.id))
  expect(formatKeyring(parseKeyring(`\n${text.replaceAll('\n', '\r\n')}\n`, 'test'))).toBe(text)
  const printed = `${inspect(keys, { depth: 9, showHidden: true })}${JSON.stringify(keys)}`
  for (const line of text.split('\n').filter(Boolean)) expect(printed).not.toContain(line.slice(14))
})

test('too many keys are no key file', () => {
  const text = formatKeyring([generateKey()]).repeat(17)
  expect(() => parseKeyring(text, 'test')).toThrow(expect.objectContaining({ code: 'key-invalid' }))
})

test.each([
  '',
  'file',
  'file:',
  'file:relative',
  'env:',
  'env:A B',
  'systemd:',
  'systemd:../x',
  'systemd:..',
  'keychain',
  'FILE:/x',
])('%j names no place for a key', (name) => {
  expect(() => openKeySource(name, { env: {}, uid })).toThrow(
    expect.objectContaining({
      code: 'config-invalid',
      message: expect.stringContaining('as the place of a key'),
    }),
  )
})

describe('a file', () => {
  test('is made once, for the user alone', async () => {
    const options = sandbox()
    const made = await initKey(options)
    expect(made).toEqual({ keyId: made.keyId, source: `file:${options.keyPath}`, created: true })
    expect(made.keyId).toMatch(/^[0-9a-f]{16}$/)
    expect(await initKey(options)).toEqual({ ...made, created: false })
    expect(await showKey(options.keys)).toEqual({ keyId: made.keyId, source: made.source })
    expect(statSync(options.keyPath).mode & 0o777).toBe(0o600)
    expect(statSync(dirname(options.keyPath)).mode & 0o777).toBe(0o700)
    expect(statSync(options.keyPath).nlink).toBe(1)
    expect(readFileSync(options.keyPath, 'utf8')).toMatch(/^purser-key-v1:[\w-]{43}\n$/)
  })

  test('that is there is never replaced by one that is made', async () => {
    const options = sandbox()
    await initKey(options)
    const before = readFileSync(options.keyPath, 'utf8')
    const created = createPrivateFile(options.keyPath, (path) => writeDurably(path, 'other'))
    expect(created).toBe(false)
    expect(readFileSync(options.keyPath, 'utf8')).toBe(before)
    expect(readdirSync(dirname(options.keyPath))).toEqual(['key'])
    expect(() =>
      createPrivateFile(options.keyPath, () => {
        throw new Error('full')
      }),
    ).toThrow('full')
    expect(readdirSync(dirname(options.keyPath))).toEqual(['key'])
  })

  test('is made by the first put, and used by the next', async () => {
    const options = sandbox()
    const { keyId } = await initKey(options)
    const vault = await openForTest(options)
    await vault.put(entryKey('ghcr.io'), basic('p'))
    expect((await showKey(options.keys)).keyId).toBe(keyId)
    for (const path of [options.path, `${options.path}-wal`, `${options.path}-shm`]) {
      expect(statSync(path).mode & 0o777).toBe(0o600)
    }
    expect(statSync(dirname(options.path)).mode & 0o777).toBe(0o700)
  })
})

describe('an environment variable', () => {
  const text = formatKeyring([generateKey()])

  test('holds a key', async () => {
    const keys = openKeySource('env:PURSER_KEY', { env: { PURSER_KEY: text.trim() }, uid })
    const options = { ...sandbox(), keys }
    await (await openForTest(options)).put(entryKey('ghcr.io'), basic('p'))
    expect(await (await openForTest(options)).list('default')).toHaveLength(1)
    expect((await showKey(keys)).source).toBe('env:PURSER_KEY')
  })

  test.each([undefined, ''])('that is %j is a missing key', async (value) => {
    const keys = openKeySource('env:PURSER_KEY', { env: { PURSER_KEY: value }, uid })
    const options = { ...sandbox(), keys }
    const missing = {
      code: 'key-missing',
      message: 'there is no key at env:PURSER_KEY',
      hint: 'put the key of the vault there; for a new vault, purser key generate makes one',
    }
    const vault = await openForTest(options)
    await expect(vault.put(entryKey('ghcr.io'), basic('p'))).rejects.toMatchObject(missing)
    await expect(initKey(options)).rejects.toMatchObject(missing)
  })

  test('rotates to the key on its first line', async () => {
    const at = (PURSER_KEY: string) => openKeySource('env:PURSER_KEY', { env: { PURSER_KEY }, uid })
    const options = sandbox()
    const open = (keys: string) => openForTest({ ...options, keys: at(keys) })
    await (await open(text)).put(entryKey('ghcr.io'), basic('p'))
    await expect(rotateKey({ ...options, keys: at(text) })).rejects.toMatchObject({
      code: 'usage',
      message: 'cannot write a new key to env:PURSER_KEY',
    })
    const next = formatKeyring([generateKey()])
    expect(await (await open(next + text)).list('default')).toHaveLength(1)
    expect(await rotateKey({ ...options, keys: at(next + text) })).toMatchObject({ entries: 1 })
    expect(await (await open(next)).list('default')).toHaveLength(1)
    await expect(open(text)).rejects.toMatchObject({ code: 'key-invalid' })
  })
})

describe('a systemd credential', () => {
  const text = formatKeyring([generateKey()])

  test.each([0o400, 0o440, 0o600])('of mode %o holds a key', (mode) => {
    const { root } = sandbox()
    writeFileSync(join(root, 'purser'), text)
    chmodSync(join(root, 'purser'), mode)
    const keys = openKeySource('systemd:purser', { env: { CREDENTIALS_DIRECTORY: root }, uid })
    expect(keys.read()).toHaveLength(1)
    expect(keys.writer).toBeUndefined()
  })

  test('that everybody can read is refused', () => {
    const { root } = sandbox()
    writeFileSync(join(root, 'purser'), text, { mode: 0o644 })
    const keys = openKeySource('systemd:purser', { env: { CREDENTIALS_DIRECTORY: root }, uid })
    expect(() => keys.read()).toThrow(expect.objectContaining({ code: 'unsafe-file' }))
  })

  test.each([{}, { CREDENTIALS_DIRECTORY: 'relative' }])('is missing with %j', (env) => {
    expect(openKeySource('systemd:purser', { env, uid }).read()).toBeUndefined()
  })

  test('is missing from its directory', () => {
    const { root } = sandbox()
    mkdirSync(join(root, 'credentials'))
    const env = { CREDENTIALS_DIRECTORY: join(root, 'credentials') }
    expect(openKeySource('systemd:purser', { env, uid }).read()).toBeUndefined()
  })
})
