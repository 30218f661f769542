import { chmodSync, chownSync, mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openVault, type VaultOptions } from '../../src/vault/sqlite/vault.ts'
import { filled, refusal } from './refusal.ts'

describe('files that are not the user\u2019s alone are refused', () => {
  const places = [
    {
      name: 'the vault',
      at: (options: VaultOptions & { keyPath: string }) => options.path,
      mode: '600',
    },
    {
      name: 'its directory',
      at: (options: VaultOptions & { keyPath: string }) => dirname(options.path),
      mode: '700',
    },
    {
      name: 'the key',
      at: (options: VaultOptions & { keyPath: string }) => options.keyPath,
      mode: '600',
    },
    {
      name: "the key's directory",
      at: (options: VaultOptions & { keyPath: string }) => dirname(options.keyPath),
      mode: '700',
    },
  ]

  describe.each(places)('$name', ({ at, mode }) => {
    test.each(['0644', '0640', '0604', '0755', '0701'])('of mode %s', async (open) => {
      const options = await filled()
      chmodSync(at(options), Number.parseInt(open, 8))
      expect(await refusal(options)).toMatchObject({
        code: 'unsafe-file',
        message: `${at(options)} is open to other users (mode ${open})`,
        hint: `close it: chmod ${mode} ${at(options)}`,
      })
    })

    test('behind a symbolic link', async () => {
      const options = await filled()
      renameSync(at(options), join(options.root, 'elsewhere'))
      symlinkSync(join(options.root, 'elsewhere'), at(options))
      expect(await refusal(options)).toMatchObject({
        code: 'unsafe-file',
        message: `${at(options)} is a symbolic link`,
      })
    })

    test.runIf(process.getuid?.() === 0)('of another user', async () => {
      const options = await filled()
      chownSync(at(options), 65_534, 65_534)
      expect(await refusal(options)).toMatchObject({
        code: 'unsafe-file',
        message: `${at(options)} belongs to user 65534, not to ${options.uid}`,
        hint: `if you trust what is in it, make it yours: chown ${options.uid} ${at(options)}`,
      })
    })
  })

  test('when the user is not the one who made them', async () => {
    const options = await filled()
    expect(await refusal({ ...options, uid: (options.uid ?? 0) + 1 })).toMatchObject({
      code: 'unsafe-file',
      message: expect.stringContaining(`${dirname(options.path)} belongs to user`),
    })
  })

  test('a directory in place of the vault', async () => {
    const options = await filled()
    rmSync(options.path)
    mkdirSync(options.path, { mode: 0o700 })
    expect(await refusal(options)).toMatchObject({
      code: 'unsafe-file',
      message: `${options.path} is not a regular file`,
    })
  })

  test('but for a platform that has no owners', async () => {
    const options = await filled()
    chmodSync(options.path, 0o644)
    const vault = await openVault({ ...options, uid: undefined })
    expect(await vault.list('default')).toHaveLength(40)
    await vault.close()
  })

  test('a hint that a shell reads as it is meant', async () => {
    const options = await filled()
    const path = join(dirname(options.path), "it's; a vault.db")
    renameSync(options.path, path)
    chmodSync(path, 0o644)
    const { hint } = await refusal({ ...options, path })
    expect(hint).toBe(`close it: chmod 600 '${path.replace("'", "'\\''")}'`)
  })
})
