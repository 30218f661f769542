import { readdirSync, readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Credential } from '../../src/model/credential.ts'
import { parseHost } from '../../src/model/host.ts'
import { Secret } from '../../src/model/secret.ts'
import type { Columns } from '../../src/vault/lookup.ts'
import { basic, entryKey } from './files.ts'
import { openForTest, sandbox } from './sandbox.ts'

const ghcr = parseHost('ghcr.io')

/** Secrets, for a comparison that looks inside. */
function revealed(credential: Credential | undefined): unknown {
  return JSON.parse(
    JSON.stringify(credential, (_, value) => (value instanceof Secret ? value.reveal() : value)),
  )
}

describe('what is put comes back', () => {
  const key = entryKey('ghcr.io')
  const aws = {
    kind: 'aws',
    accessKeyId: 'AKIA',
    secretAccessKey: new Secret('s'),
    sessionToken: undefined,
    role: undefined,
  } as const
  const role = {
    arn: 'arn:aws:iam::123456789012:role/pull',
    externalId: 'x',
    sessionName: undefined,
  }
  test.each<{ name: string; credential: Credential }>([
    { name: 'basic', credential: basic('pass word\n"\u2028\u0000') },
    { name: 'basic, both empty', credential: { ...basic(''), username: '' } },
    { name: 'aws', credential: aws },
    { name: 'aws with a role', credential: { ...aws, role } },
    { name: 'ambient-aws', credential: { kind: 'ambient-aws', profile: 'prod', role } },
    {
      name: 'ambient-aws, bare',
      credential: { kind: 'ambient-aws', profile: undefined, role: undefined },
    },
    { name: 'aws with a session', credential: { ...aws, sessionToken: new Secret('t') } },
    { name: 'gcp-token', credential: { kind: 'gcp-token', token: new Secret('ya29.x') } },
    { name: 'gcp-external', credential: { kind: 'gcp-external', json: new Secret('{}') } },
    { name: 'ambient-gcp', credential: { kind: 'ambient-gcp' } },
    {
      name: 'azure',
      credential: { kind: 'azure', tenantId: 't', clientId: 'c', clientSecret: new Secret('s') },
    },
    { name: 'ambient-azure', credential: { kind: 'ambient-azure', clientId: undefined } },
    { name: 'identity-token', credential: { kind: 'identity-token', token: new Secret('r') } },
    { name: '64 KiB', credential: basic('x'.repeat(65_536)) },
  ])('$name', async ({ credential }) => {
    const options = sandbox()
    await (await openForTest(options)).put(key, credential)
    const [entry, ...others] = await (await openForTest(options)).find('default', ghcr, undefined)
    expect(others).toEqual([])
    expect(entry).toMatchObject({ ...key, updatedAt: new Date(options.now()) })
    expect(Object.keys(entry?.credential ?? {})).toEqual(Object.keys(credential))
    expect(revealed(entry?.credential)).toEqual(JSON.parse(JSON.stringify(revealed(credential))))
  })

  test('any text', async () => {
    const vault = await openForTest(sandbox())
    // Halves of surrogate pairs too: JavaScript's strings may hold them, UTF-8 may not.
    const text = fc.string({
      unit: fc.integer({ min: 0, max: 0xffff }).map((n) => String.fromCharCode(n)),
    })
    await fc.assert(
      fc.asyncProperty(text, text, text, text, async (workspace, prefix, name, password) => {
        await vault.put({ workspace, host: ghcr, prefix, name }, basic(password))
        const all = await vault.list(workspace)
        const found = all.find((entry) => entry.prefix === prefix && entry.name === name)
        expect(revealed(found?.credential)).toEqual(revealed(basic(password)))
      }),
      { numRuns: 50 },
    )
  })
})

describe('find', () => {
  test.each([
    { repository: undefined, found: [''] },
    { repository: '', found: [''] },
    { repository: 'other', found: [''] },
    { repository: 'org', found: ['org', ''] },
    { repository: 'organic/x', found: [''] },
    { repository: 'org/repo', found: ['org/repo', 'org', ''] },
    { repository: 'org/repository', found: ['org', ''] },
    { repository: 'org/repo/deep', found: ['org/repo', 'org', ''] },
  ])('$repository matches $found', async ({ repository, found }) => {
    const vault = await openForTest(sandbox())
    for (const prefix of ['org', '', 'org/repo'])
      await vault.put(entryKey('ghcr.io', prefix), basic('p'))
    await vault.put(entryKey('ghcr.io:5000', 'org'), basic('another port'))
    await vault.put(entryKey('ghcr.io', 'org', { workspace: 'other' }), basic('another workspace'))
    const entries = await vault.find('default', ghcr, repository)
    expect(entries.map((entry) => entry.prefix)).toEqual(found)
  })

  test('gives the newest first among equals', async () => {
    let now = 1000
    const vault = await openForTest({ ...sandbox(), now: () => now })
    for (const name of ['b', 'c', 'a']) {
      await vault.put(entryKey('ghcr.io', 'org', { name }), basic(name))
      now += 1
    }
    now -= 1
    await vault.put(entryKey('ghcr.io', 'org', { name: 'b' }), basic('new'))
    const names = async () =>
      (await vault.find('default', ghcr, 'org/repo')).map((entry) => entry.name)
    expect(await names()).toEqual(['a', 'b', 'c'])
    now += 1
    await vault.put(entryKey('ghcr.io', 'org', { name: 'c' }), basic('newest'))
    expect(await names()).toEqual(['c', 'a', 'b'])
  })

  test('does not confuse parts that read the same when joined', async () => {
    const vault = await openForTest(sandbox())
    await vault.put(entryKey('ghcr.io', 'b/c', { workspace: 'a' }), basic('p'))
    expect(await vault.find('a/b', ghcr, 'c')).toEqual([])
    expect(await vault.find('a', ghcr, 'b/c')).toHaveLength(1)
  })
})

test('findByHostname gives every port and prefix, list a workspace in order', async () => {
  const vault = await openForTest(sandbox())
  for (const [host, prefix] of [
    ['r.example:5000', 'b'],
    ['r.example', ''],
    ['a.example', ''],
    ['r.example:5000', 'a'],
  ] as const) {
    await vault.put(entryKey(host, prefix), basic('p'))
  }
  await vault.put(entryKey('r.example', '', { workspace: 'other' }), basic('p'))
  const shown = (entries: Awaited<ReturnType<typeof vault.list>>) =>
    entries.map((entry) => `${entry.host.name}/${entry.prefix}`)
  const ofHost = ['r.example/', 'r.example:5000/a', 'r.example:5000/b']
  expect(shown(await vault.findByHostname('default', 'r.example'))).toEqual(ofHost)
  expect(shown(await vault.list('default'))).toEqual(['a.example/', ...ofHost])
  expect(shown(await vault.list('nobody'))).toEqual([])
})

test('remove takes away one entry, once', async () => {
  const vault = await openForTest(sandbox())
  await vault.put(entryKey('ghcr.io', 'a'), basic('a'))
  await vault.put(entryKey('ghcr.io', 'b'), basic('b'))
  expect(await vault.remove(entryKey('ghcr.io', 'a'))).toBe(true)
  expect(await vault.remove(entryKey('ghcr.io', 'a'))).toBe(false)
  expect((await vault.list('default')).map((entry) => entry.prefix)).toEqual(['b'])
})

test('putting what is there already writes nothing', async () => {
  const options = sandbox()
  let now = 1000
  const vault = await openForTest({ ...options, now: () => now++ })
  await vault.put(entryKey('ghcr.io'), basic('same'))
  const other = new DatabaseSync(options.path)
  // Changes when any other connection has committed a write.
  const version = () => other.prepare('PRAGMA data_version').get()?.['data_version']
  const before = version()
  await vault.put(entryKey('ghcr.io'), basic('same'))
  expect(version()).toBe(before)
  expect((await vault.list('default'))[0]?.updatedAt.getTime()).toBe(1000)
  await vault.put(entryKey('ghcr.io'), basic('changed'))
  expect(version()).not.toBe(before)
  other.close()
})

test('asking a vault that is not there makes nothing, and sees it when it is made', async () => {
  const options = sandbox()
  const early = await openForTest(options)
  expect(await early.list('default')).toEqual([])
  expect(await early.find('default', ghcr, 'org/repo')).toEqual([])
  expect(await early.remove(entryKey('ghcr.io'))).toBe(false)
  expect(readdirSync(options.root)).toEqual([])
  await (await openForTest(options)).put(entryKey('ghcr.io'), basic('p'))
  expect(await early.list('default')).toHaveLength(1)
})

test('the files tell no secret, host, user, prefix, name or workspace', async () => {
  const options = sandbox()
  const vault = await openForTest(options)
  const planted = [
    'canary.example',
    'canary-user',
    'canary-secret',
    'canary-ws',
    'canary-prefix',
    'canary-name',
  ]
  const [host = '', username = '', password = '', workspace = '', prefix = '', name = ''] = planted
  const key = entryKey(host, prefix, { workspace, name })
  await vault.put(key, { kind: 'basic', username, password: new Secret(password) })
  await vault.put(key, { kind: 'basic', username, password: new Secret(`${password}-2`) })
  const log = readFileSync(`${options.path}-wal`)
  await vault.close()
  for (const bytes of [log, readFileSync(options.path)]) {
    expect(bytes.length).toBeGreaterThan(4096)
    for (const text of [...planted, 'canary']) expect(bytes.includes(text)).toBe(false)
  }
})

describe('a record that was altered or moved does not open', () => {
  const swaps: readonly (keyof Columns | 'sealed')[] = [
    'sealed',
    'identity',
    'scope',
    'hostname',
    'workspace',
  ]
  test.each(swaps)('%s of another row', async (column) => {
    const options = sandbox()
    const vault = await openForTest(options)
    await vault.put(entryKey('mine.example'), basic('mine'))
    await vault.put(entryKey('evil.example', '', { workspace: 'evil' }), basic('theirs'))
    const db = new DatabaseSync(options.path)
    const values = db.prepare(`SELECT ${column} AS value FROM record ORDER BY id`).all()
    const set = db.prepare(`UPDATE record SET ${column} = ? WHERE id = ?`)
    set.run(Buffer.alloc(32), 1)
    set.run(values[0]?.['value'] ?? null, 2)
    set.run(values[1]?.['value'] ?? null, 1)
    db.close()
    const answers = await Promise.allSettled([
      vault.find('default', parseHost('mine.example'), undefined),
      vault.find('evil', parseHost('evil.example'), undefined),
    ])
    for (const answer of answers) {
      expect(answer).toMatchObject({
        status: 'rejected',
        reason: { code: 'vault-corrupt', message: `cannot use the vault ${options.path}` },
      })
    }
  })

  test('a flipped bit, until the entry is put again', async () => {
    const options = sandbox()
    const vault = await openForTest(options)
    await vault.put(entryKey('ghcr.io'), basic('p'))
    const db = new DatabaseSync(options.path)
    const sealed = db.prepare('SELECT sealed FROM record').get()?.['sealed']
    if (!(sealed instanceof Uint8Array)) throw new Error('no record')
    sealed[40] = (sealed[40] ?? 0) ^ 1
    db.prepare('UPDATE record SET sealed = ?').run(sealed)
    db.close()
    await expect(vault.list('default')).rejects.toMatchObject({ code: 'vault-corrupt' })
    await vault.put(entryKey('ghcr.io'), basic('p'))
    expect(await vault.list('default')).toHaveLength(1)
  })
})
