import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { createLoginCache } from '../../src/logins/login-cache.ts'
import { openSealedLogins } from '../../src/logins/sealed-logins.ts'
import { slotKey } from '../../src/logins/slot-key.ts'
import { createSlotTable } from '../../src/logins/slot-table.ts'
import { PurserError } from '../../src/model/errors.ts'
import type { Login } from '../../src/model/login.ts'
import { silentLog } from '../../src/observe/log.ts'
import { openKeySource } from '../../src/vault/key-source.ts'
import { createLocks } from '../../src/vault/postgres/locks.ts'
import { describeWith } from '../clients/programs.ts'
import { POSTGRES } from '../fakes/postgres.ts'
import { basic, entryKey } from '../vault/files.ts'
import { connectTo, type Fleet, fleetForTest, serverForFile } from '../vault/postgres/fleet.ts'
import { login, never } from './home.ts'
import { HOUR, MINUTE } from './machine.ts'

const START = Date.UTC(2026, 0, 1)

const shared = slotKey({
  registry: 'ecr',
  audience: 'us-east-1',
  identity: 'i',
  machine: undefined,
})
const ownOfMachine = slotKey({ registry: 'ecr', audience: 'us-east-1', identity: 'i', machine: '' })

/** A cloud that counts, and takes its time where a test needs that. */
function cloud() {
  let exchanges = 0
  let failure: Error | undefined
  return {
    exchanges: () => exchanges,
    fail: (error: Error | undefined) => {
      failure = error
    },
    produce:
      (now: () => number, delayMs = 0) =>
      async () => {
        exchanges++
        const number = exchanges
        await setTimeout(delayMs)
        if (failure !== undefined) throw failure
        const expiresAt = new Date(now() + 12 * HOUR)
        return { value: login(`minted-${number}`, expiresAt), expiresAt }
      },
  }
}

/** A machine of a fleet, with clocks of its own. */
async function machineOf(fleet: Fleet, name: string, { aheadMs = 0, upMs = 0 } = {}) {
  let at = START
  const now = () => at + aheadMs
  const uptime = () => at - START + upMs
  const database = await connectTo(fleet.server, fleet.database)
  const locks = createLocks(database)
  onTestFinished(async () => {
    locks.close()
    await database.close()
  })
  const directory = join(fleet.root, name, 'logins')
  mkdirSync(join(fleet.root, name), { mode: 0o700 })
  const sealed = openSealedLogins({
    directory,
    keys: openKeySource(`file:${fleet.keyPath}`, { env: {}, uid: process.geteuid?.() }),
    vault: undefined,
    uid: process.geteuid?.(),
    now,
    log: silentLog,
    fleet: (means) => createSlotTable({ ...means, database, locks, clock: { now, uptime } }),
  })
  const cache = createLoginCache({ now, uptime, sealed })
  return {
    cache,
    now,
    fingerprint: sealed.fingerprint,
    pass: (ms: number) => {
      at += ms
    },
    ask: async (of: ReturnType<typeof cloud>, key = shared, delayMs = 0) =>
      (await cache.get(key, of.produce(now, delayMs), never))?.secret.reveal(),
  }
}

describeWith('logins that a fleet shares', POSTGRES, () => {
  const server = serverForFile()

  /** A fleet with a vault and a key. */
  async function fleetWithVault(): Promise<Fleet> {
    const fleet = await fleetForTest(server())
    await (await fleet.open()).put(entryKey('ghcr.io'), basic('p'))
    return fleet
  }

  test.each([
    { name: 'the same clock', second: {} },
    { name: 'a clock that is an hour ahead', second: { aheadMs: HOUR } },
    { name: 'a clock that is an hour behind', second: { aheadMs: -HOUR } },
    { name: 'a month of uptime', second: { upMs: 30 * 24 * HOUR } },
  ])('serve a machine with $name', async ({ second }) => {
    const fleet = await fleetWithVault()
    const [a, b] = [await machineOf(fleet, 'a'), await machineOf(fleet, 'b', second)]
    const ecr = cloud()
    expect([await a.ask(ecr), await b.ask(ecr), await a.ask(ecr)]).toEqual(
      Array(3).fill('minted-1'),
    )
    expect(ecr.exchanges()).toBe(1)
    // What has passed on one machine has passed on the other, by its own clocks.
    b.pass(10 * HOUR + 47 * MINUTE)
    expect(await b.ask(ecr)).toBe('minted-1')
    b.pass(2 * MINUTE)
    await fleet.ask("UPDATE purser.login SET written_at = written_at - interval '649 minutes'")
    expect(await b.ask(ecr)).toBe('minted-2')
  })

  test('age in the database as they do in memory', async () => {
    const fleet = await fleetWithVault()
    const [a, b] = [await machineOf(fleet, 'a'), await machineOf(fleet, 'b')]
    const ecr = cloud()
    await a.ask(ecr)
    await fleet.ask("UPDATE purser.login SET written_at = written_at - interval '11 hours'")
    expect(await b.ask(ecr)).toBe('minted-2')
  })

  test('are exchanged once by machines that ask at the same time', async () => {
    const fleet = await fleetWithVault()
    const machines = await Promise.all(
      Array.from({ length: 8 }, (_, i) => machineOf(fleet, `m${i}`)),
    )
    const ecr = cloud()
    const answers = await Promise.all(machines.map(({ ask }) => ask(ecr, shared, 200)))
    expect(new Set(answers)).toEqual(new Set(['minted-1']))
    expect(ecr.exchanges()).toBe(1)
  })

  test('are not those of the machines themselves', async () => {
    const fleet = await fleetWithVault()
    const [a, b] = [await machineOf(fleet, 'a'), await machineOf(fleet, 'b')]
    const ecr = cloud()
    expect(await a.ask(ecr, ownOfMachine)).toBe('minted-1')
    expect(await b.ask(ecr, ownOfMachine)).toBe('minted-2')
    expect(await fleet.ask('SELECT count(*)::int AS rows FROM purser.login')).toEqual([{ rows: 0 }])
  })

  test('tell the database nothing', async () => {
    const fleet = await fleetWithVault()
    const a = await machineOf(fleet, 'a')
    await a.ask(
      cloud(),
      slotKey({ registry: 'ecr-canary', audience: 'x', identity: 'y', machine: undefined }),
    )
    const [row] = await fleet.ask('SELECT * FROM purser.login')
    const text = Object.values(row ?? {})
      .map((value) => (Buffer.isBuffer(value) ? value.toString('latin1') : String(value)))
      .join()
    expect(text).not.toMatch(/canary|minted|AWS|ecr/)
  })

  test('are told refused to all, and a broken network to nobody', async () => {
    const fleet = await fleetWithVault()
    const [a, b] = [await machineOf(fleet, 'a'), await machineOf(fleet, 'b')]
    const ecr = cloud()
    ecr.fail(new PurserError('network', 'cannot reach ecr'))
    for (let i = 0; i < 3; i++) await expect(a.ask(ecr)).rejects.toThrow('cannot reach ecr')
    await expect(a.ask(ecr)).rejects.toThrow('next try in 30 s')
    expect(ecr.exchanges()).toBe(3)
    ecr.fail(new PurserError('upstream-refused', 'refused', { status: 403 }))
    for (let i = 0; i < 3; i++) await expect(b.ask(ecr)).rejects.toThrow('refused')
    a.pass(31_000)
    b.pass(1_000)
    await expect(a.ask(ecr)).rejects.toThrow(/^refused; next try in/)
    expect(ecr.exchanges()).toBe(6)
  })

  test('are dropped for all', async () => {
    const fleet = await fleetWithVault()
    const [a, b] = [await machineOf(fleet, 'a'), await machineOf(fleet, 'b')]
    const ecr = cloud()
    const refused: Login | undefined = await a.cache.get(shared, ecr.produce(a.now), never)
    a.cache.drop(shared, refused)
    expect(await a.ask(ecr)).toBe('minted-2')
    expect(await b.ask(ecr)).toBe('minted-2')
  })

  test('of a machine that is lost while it exchanges hold up nobody', async () => {
    const fleet = await fleetWithVault()
    const [a, b] = [await machineOf(fleet, 'a'), await machineOf(fleet, 'b')]
    const silent = cloud()
    const lost = a.ask(silent, shared, 3_000).catch(() => undefined)
    while (silent.exchanges() === 0) await setTimeout(5)
    await fleet.ask(`SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'`)
    const ecr = cloud()
    expect(await b.ask(ecr)).toBe('minted-1')
    await lost
  })

  test('go on in memory while the database is away, and are shared when it is back', async () => {
    const fleet = await fleetWithVault()
    const [a, b] = [await machineOf(fleet, 'a'), await machineOf(fleet, 'b')]
    const ecr = cloud()
    const other = slotKey({ registry: 'ecr', audience: 'eu', identity: 'i', machine: undefined })
    await a.ask(ecr)
    server().halt()
    try {
      expect(await a.ask(ecr)).toBe('minted-1')
      expect(await a.ask(ecr, other)).toBe('minted-2')
    } finally {
      server().resume()
    }
    // Whatever is asked next finds the database back, and what was not written is.
    await setTimeout(1_000)
    await a.ask(
      ecr,
      slotKey({ registry: 'ecr', audience: 'us', identity: 'i', machine: undefined }),
    )
    const rows = async () => (await fleet.ask('SELECT 1 FROM purser.login')).length
    while ((await rows()) < 3) await setTimeout(20)
    await setTimeout(1_000)
    expect(await b.ask(ecr, other)).toBe('minted-2')
    expect(ecr.exchanges()).toBe(3)
  })
})
