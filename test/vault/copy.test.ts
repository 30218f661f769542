import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { PostgresPlace } from '../../src/config/vault-url.ts'
import { parseReference } from '../../src/model/reference.ts'
import { silentLog } from '../../src/observe/log.ts'
import { type Copied, copyVault } from '../../src/vault/copy.ts'
import { createStore, type Store } from '../../src/vault/store.ts'
import { describeWith } from '../clients/programs.ts'
import { POSTGRES } from '../fakes/postgres.ts'
import { basic, entryKey } from './files.ts'
import { type Fleet, fleetForTest, serverForFile } from './postgres/fleet.ts'

const key = entryKey('ghcr.io')
const link = {
  workspace: 'other',
  image: 'i1',
  entry: { host: key.host, prefix: 'acme', name: 'default' },
  reference: parseReference('ghcr.io/acme/app:1'),
  pushed: parseReference('registry.example:5000/builds/app:i1'),
}

describeWith('a copy of a vault', POSTGRES, () => {
  const server = serverForFile()

  function storeAt(
    fleet: Fleet,
    engine: 'sqlite' | 'postgres',
    name: string,
    keyName = 'key',
  ): Store {
    const { port, user, password } = fleet.server
    const { database } = fleet
    const remote = { host: '127.0.0.1', port, user, database, tls: undefined }
    const place = { engine: 'postgres', ...remote } satisfies PostgresPlace
    const path = join(fleet.root, 'data', name)
    return createStore({
      config: {
        vault: {
          place: engine === 'sqlite' ? { engine, path } : place,
          key: `file:${join(fleet.root, 'config', keyName)}`,
          password: 'env:DB_PASSWORD',
        },
        tls: { ca: [] },
      },
      env: { DB_PASSWORD: password },
      uid: process.geteuid?.(),
      now: () => Date.UTC(2026, 0, 1),
      log: async () => silentLog,
      stays: false,
    })
  }

  async function fill(store: Store, count = 1_200): Promise<void> {
    const vault = await store.vault()
    for (let i = 0; i < count; i++) await vault.put(entryKey(`r${i}.example`), basic(`p${i}`))
    await vault.linkImage(link, basic('linked'))
  }

  async function copy(from: Store, to: Store, overwrite = false) {
    const seen: number[] = []
    const copied: Copied = await copyVault({
      from: await from.archive(),
      to: await to.archive(),
      overwrite,
      begin: (total) => seen.push(total),
      advance: (count) => seen.push(count),
    })
    return { ...copied, seen }
  }

  test.each([
    { from: 'sqlite', to: 'postgres', keys: 'one key', toKey: 'key' },
    { from: 'postgres', to: 'sqlite', keys: 'one key', toKey: 'key' },
    { from: 'sqlite', to: 'postgres', keys: 'another key', toKey: 'key-2' },
    { from: 'sqlite', to: 'sqlite', keys: 'another key', toKey: 'key-2' },
  ] as const)('from $from to $to with $keys has all of it', async ({ from, to, toKey }) => {
    const fleet = await fleetForTest(server())
    const [first, second] = [storeAt(fleet, from, 'a.db'), storeAt(fleet, to, 'b.db', toKey)]
    try {
      await fill(first)
      const copied = await copy(first, second)
      expect(copied).toEqual({ entries: 1_201, links: 1, seen: [1_202, 500, 500, 202] })
      const [before, after] = [await first.vault(), await second.vault()]
      expect(await after.list('default')).toEqual(await before.list('default'))
      expect(await after.images('other')).toEqual(await before.images('other'))
      expect(await after.find('other', key.host, 'acme/x')).toHaveLength(1)
    } finally {
      await first.close()
      await second.close()
    }
  })

  test('loses nothing that is there, unless it is told to', async () => {
    const fleet = await fleetForTest(server())
    const [first, second] = [storeAt(fleet, 'sqlite', 'a.db'), storeAt(fleet, 'postgres', '')]
    try {
      await (await first.vault()).put(key, basic('new'))
      await (await second.vault()).put(entryKey('old.example'), basic('old'))
      await expect(copy(first, second)).rejects.toMatchObject({
        code: 'not-allowed',
        message: expect.stringMatching(/^the vault postgres:\/\/127\.0\.0\.1.* holds 1 record$/),
      })
      expect(await (await second.vault()).list('default')).toMatchObject([entryKey('old.example')])
      expect(await copy(first, second, true)).toMatchObject({ entries: 1, links: 0 })
      expect(await (await second.vault()).list('default')).toMatchObject([key])
      await expect(copy(second, first)).rejects.toMatchObject({ code: 'not-allowed' })
    } finally {
      await first.close()
      await second.close()
    }
  })

  test.each(['postgres', 'sqlite'] as const)(
    'that fails half-way leaves all of %s as it was',
    async (engine) => {
      const fleet = await fleetForTest(server())
      const [first, second] = [storeAt(fleet, 'sqlite', 'a.db'), storeAt(fleet, engine, 'b.db')]
      try {
        await fill(first)
        await (await second.vault()).put(entryKey('old.example'), basic('old'))
        const stopped = copyVault({
          from: await first.archive(),
          to: await second.archive(),
          overwrite: true,
          begin: () => undefined,
          advance: () => {
            throw new Error('stopped')
          },
        })
        await expect(stopped).rejects.toThrow('stopped')
        expect(await (await second.vault()).list('default')).toMatchObject([
          entryKey('old.example'),
        ])
      } finally {
        await first.close()
        await second.close()
      }
    },
  )

  test('of no vault, or onto itself, is none', async () => {
    const fleet = await fleetForTest(server())
    const [first, second] = [storeAt(fleet, 'sqlite', 'a.db'), storeAt(fleet, 'postgres', '')]
    try {
      await expect(copy(first, second)).rejects.toMatchObject({ code: 'not-found' })
      await expect(copy(second, first)).rejects.toMatchObject({ code: 'not-found' })
      await expect(copy(second, second)).rejects.toMatchObject({ code: 'usage' })
      expect(existsSync(join(fleet.root, 'data'))).toBe(false)
      await (await first.vault()).put(key, basic('p'))
      expect(statSync(join(fleet.root, 'data/a.db')).mode & 0o777).toBe(0o600)
    } finally {
      await first.close()
      await second.close()
    }
  })
})
