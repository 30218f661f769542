import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseHost } from '../../../src/model/host.ts'
import { parseReference } from '../../../src/model/reference.ts'
import { Secret } from '../../../src/model/secret.ts'
import { describeWith } from '../../clients/programs.ts'
import { POSTGRES } from '../../fakes/postgres.ts'
import { basic, entryKey } from '../files.ts'
import { fleetForTest, passwordIn, serverForFile, until } from './fleet.ts'

const ghcr = parseHost('ghcr.io')

/** How long a change may take to be told. */
const WITHIN_MS = 10_000

describeWith('the vault in PostgreSQL', POSTGRES, () => {
  const server = serverForFile()

  test.each([
    { repository: undefined, found: [''] },
    { repository: 'organic/x', found: [''] },
    { repository: 'org/repository', found: ['org', ''] },
    { repository: 'org/repo/deep', found: ['org/repo', 'org', ''] },
  ])('$repository matches $found', async ({ repository, found }) => {
    const vault = await (await fleetForTest(server())).open()
    for (const prefix of ['org', '', 'org/repo'])
      await vault.put(entryKey('ghcr.io', prefix), basic('p'))
    await vault.put(entryKey('ghcr.io:5000', 'org'), basic('another port'))
    await vault.put(entryKey('ghcr.io', 'org', { workspace: 'other' }), basic('another workspace'))
    const entries = await vault.find('default', ghcr, repository)
    expect(entries.map((entry) => entry.prefix)).toEqual(found)
  })

  test('gives the newest first among equals, lists in order, and by hostname', async () => {
    let now = 1000
    const vault = await (await fleetForTest(server())).open({ now: () => now })
    for (const name of ['b', 'c', 'a']) {
      await vault.put(entryKey('ghcr.io', 'org', { name }), basic(name))
      now += 1
    }
    await vault.put(entryKey('a.example'), basic('p'))
    await vault.put(entryKey('ghcr.io:5000'), basic('p'))
    const names = (await vault.find('default', ghcr, 'org/repo')).map(({ name }) => name)
    expect(names).toEqual(['a', 'c', 'b'])
    const shown = (await vault.list('default')).map(({ host, name }) => `${host.name} ${name}`)
    expect(shown).toEqual([
      'a.example default',
      'ghcr.io a',
      'ghcr.io b',
      'ghcr.io c',
      'ghcr.io:5000 default',
    ])
    expect(await vault.findByHostname('default', 'ghcr.io')).toHaveLength(4)
    expect(await vault.list('nobody')).toEqual([])
  })

  test('removes an entry once, and writes nothing for what is there already', async () => {
    const fleet = await fleetForTest(server())
    let now = 1000
    const vault = await fleet.open({ now: () => now++ })
    await vault.put(entryKey('ghcr.io'), basic('same'))
    const revision = () => fleet.ask('SELECT revision FROM purser.vault')
    const before = await revision()
    await vault.put(entryKey('ghcr.io'), basic('same'))
    expect(await revision()).toEqual(before)
    expect((await vault.list('default'))[0]?.updatedAt.getTime()).toBe(1000)
    await vault.put(entryKey('ghcr.io'), basic('changed'))
    expect(await revision()).not.toEqual(before)
    expect(await vault.remove(entryKey('ghcr.io'))).toBe(true)
    expect(await vault.remove(entryKey('ghcr.io'))).toBe(false)
  })

  test('links images, with their entries or alone', async () => {
    const vault = await (await fleetForTest(server())).open()
    const entry = { host: ghcr, prefix: 'acme', name: 'default' }
    const pushed = parseReference('registry.example:5000/builds/app:i1')
    const reference = parseReference('ghcr.io/acme/app:1')
    const link = { workspace: 'default', image: 'i1', entry, reference, pushed }
    await vault.linkImage(link, basic('one'))
    await vault.linkImage({ ...link, image: 'i0', pushed: undefined })
    expect(await vault.image('default', 'i1')).toMatchObject(link)
    expect((await vault.images('default')).map(({ image }) => image)).toEqual(['i0', 'i1'])
    expect(await vault.pushedTo('default', pushed.host, 'builds/app')).toHaveLength(1)
    expect(await vault.list('default')).toMatchObject([entryKey('ghcr.io', 'acme')])
    expect(await vault.unlinkImage('default', 'i1')).toBe(true)
    expect(await vault.unlinkImage('default', 'i1')).toBe(false)
  })

  test('asking before there is a vault makes nothing, and sees it when it is made', async () => {
    const fleet = await fleetForTest(server())
    const early = await fleet.open({ stays: true })
    expect(await early.list('default')).toEqual([])
    expect(await early.find('default', ghcr, 'org/repo')).toEqual([])
    expect(await early.remove(entryKey('ghcr.io'))).toBe(false)
    expect(await fleet.ask("SELECT to_regnamespace('purser') AS made")).toEqual([{ made: null }])
    expect(readdirSync(fleet.root)).toEqual([])
    await (await fleet.open()).put(entryKey('ghcr.io'), basic('p'))
    await until(WITHIN_MS, async () => (await early.find('default', ghcr, 'org/repo')).length === 1)
    expect(await early.list('default')).toHaveLength(1)
  })

  test('eight first writers at once make one vault, and none of their entries is lost', async () => {
    const fleet = await fleetForTest(server())
    const vaults = await Promise.all(Array.from({ length: 8 }, () => fleet.open()))
    await Promise.all(vaults.map((vault, i) => vault.put(entryKey(`r${i}.example`), basic('p'))))
    expect(await fleet.ask('SELECT format, revision FROM purser.vault')).toEqual([
      { format: 2, revision: '9' },
    ])
    expect(await vaults[0]?.list('default')).toHaveLength(8)
  })

  test('tables of an older version are brought up to date by whoever comes first', async () => {
    const fleet = await fleetForTest(server())
    await (await fleet.open()).put(entryKey('ghcr.io'), basic('kept'))
    await fleet.ask('DROP TABLE purser.login; UPDATE purser.vault SET format = 1')
    const vaults = await Promise.all(Array.from({ length: 4 }, () => fleet.open()))
    expect(await Promise.all(vaults.map(passwordIn))).toEqual(Array(4).fill('kept'))
    expect(await fleet.ask('SELECT format FROM purser.vault')).toEqual([{ format: 2 }])
    await fleet.ask('UPDATE purser.vault SET format = 99')
    await expect(passwordIn(await fleet.open())).rejects.toMatchObject({
      code: 'vault-failed',
      hint: 'a newer purser made it: upgrade this one',
    })
  })

  test.each(['added', 'changed', 'removed'] as const)(
    'what is %s is seen by another that stays, and by one that does not',
    async (what) => {
      const fleet = await fleetForTest(server())
      const own = await fleet.open()
      const [agent, helper] = [await fleet.open({ stays: true }), await fleet.open()]
      await own.put(entryKey('other.example'), basic('other'))
      if (what !== 'added') await own.put(entryKey('ghcr.io'), basic('one'))
      const first = what === 'added' ? undefined : 'one'
      for (const vault of [own, agent, helper]) expect(await passwordIn(vault)).toBe(first)
      if (what === 'removed') await own.remove(entryKey('ghcr.io'))
      else await own.put(entryKey('ghcr.io'), basic('two'))
      const next = what === 'removed' ? undefined : 'two'
      for (const vault of [own, helper]) expect(await passwordIn(vault)).toBe(next)
      await until(WITHIN_MS, async () => (await passwordIn(agent)) === next)
    },
  )

  test('one that listens asks the database nothing while nobody writes', async () => {
    const fleet = await fleetForTest(server())
    const agent = await fleet.open({ stays: true })
    await agent.put(entryKey('ghcr.io'), basic('one'))
    await until(WITHIN_MS, async () => {
      const [before] = await agent.find('default', ghcr, 'a/b')
      const [after] = await agent.find('default', ghcr, 'a/b')
      return before !== undefined && before === after
    })
    const idle = () =>
      fleet.ask(
        `SELECT max(state_change) AS at FROM pg_stat_activity
         WHERE application_name = 'purser' AND query LIKE '%LEFT JOIN%' AND datname = current_database()`,
      )
    const before = await idle()
    for (let i = 0; i < 100; i++) await agent.find('default', ghcr, 'a/b')
    expect(await idle()).toEqual(before)
  })

  test('the database tells no secret, host, user, prefix, name or workspace', async () => {
    const fleet = await fleetForTest(server())
    const vault = await fleet.open()
    const key = entryKey('canary.example', 'canary-prefix', {
      workspace: 'canary-ws',
      name: 'canary-name',
    })
    const password = new Secret('canary-secret')
    await vault.put(key, { kind: 'basic', username: 'canary-user', password })
    await server().ask(fleet.database, 'CHECKPOINT')
    const files = readdirSync(join(server().directory, 'data'), {
      recursive: true,
      withFileTypes: true,
    })
    const tables = files
      .filter((file) => file.isFile() && /\/(?:base|pg_wal)(?:\/|$)/.test(file.parentPath))
      .map((file) => join(file.parentPath, file.name))
    expect(tables.length).toBeGreaterThan(300)
    for (const file of tables) {
      expect(readFileSync(file).includes('canary')).toBe(false)
    }
  })

  test.each(['sealed', 'identity', 'scope', 'hostname', 'workspace'])(
    'a record whose %s is of another row does not open',
    async (column) => {
      const fleet = await fleetForTest(server())
      const vault = await fleet.open()
      await vault.put(entryKey('mine.example'), basic('mine'))
      await vault.put(entryKey('evil.example', '', { workspace: 'evil' }), basic('theirs'))
      await fleet.ask('ALTER TABLE purser.record DROP CONSTRAINT record_identity_key')
      await fleet.ask(
        `UPDATE purser.record a SET ${column} = b.${column} FROM purser.record b WHERE a.id <> b.id`,
      )
      const answers = await Promise.allSettled([
        vault.find('default', parseHost('mine.example'), undefined),
        vault.find('evil', parseHost('evil.example'), undefined),
      ])
      for (const answer of answers) {
        expect(answer).toMatchObject({ status: 'rejected', reason: { code: 'vault-corrupt' } })
      }
    },
  )

  test('a machine with another key is told so', async () => {
    const fleet = await fleetForTest(server())
    await (await fleet.open()).put(entryKey('ghcr.io'), basic('p'))
    const other = await fleetForTest(server())
    await (await other.open()).put(entryKey('ghcr.io'), basic('p'))
    const stranger = await fleet.open({ key: `file:${other.keyPath}` })
    await expect(passwordIn(stranger)).rejects.toMatchObject({
      code: 'key-invalid',
      hint: 'give every machine of the fleet the key that the vault was made with',
    })
    const without = await fleet.open({ key: `file:${join(fleet.root, 'none')}` })
    await expect(passwordIn(without)).rejects.toMatchObject({ code: 'key-missing' })
    await expect(without.put(entryKey('x.example'), basic('p'))).rejects.toMatchObject({
      code: 'key-missing',
    })
  })
})
