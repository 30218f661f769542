import { chmodSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { hashOfSecret, isLeaseSecret } from '../../src/lease/lease.ts'
import { DEFAULT_LIFE_MS, MAX_LIFE_MS } from '../../src/lease/leases.ts'
import { generateKey } from '../../src/vault/key.ts'
import { rotateKey } from '../../src/vault/sqlite/key-rotation.ts'
import { basic, entryKey } from '../vault/files.ts'
import { openForTest } from '../vault/sandbox.ts'
import { leaseHouse, requestWith, WITH_PASSWORD } from './harness.ts'

const MINUTE = 60_000
const TEAM = { workspace: 'team' }

describe('a lease', () => {
  it('is found by its id and by its secret, and by nothing else', () => {
    const leases = leaseHouse().open()
    const lease = leases.open(WITH_PASSWORD, TEAM)
    const secret = lease.secret.reveal()
    expect(leases.find(lease.id)).toBe(lease)
    expect(leases.admit(secret)).toBe(lease)
    expect(isLeaseSecret(secret)).toBe(true)
    for (const other of ['', lease.id, `${secret}x`, secret.slice(0, -1), hashOfSecret(secret)]) {
      expect(leases.admit(other)).toBeUndefined()
    }
    expect(leases.find(secret)).toBeUndefined()
  })

  it('is like no other', () => {
    const leases = leaseHouse().open()
    const all = Array.from({ length: 200 }, () => leases.open(requestWith(), TEAM))
    expect(new Set(all.map(({ id }) => id)).size).toBe(200)
    expect(new Set(all.map(({ secret }) => secret.reveal())).size).toBe(200)
    expect(leases.list()).toEqual(all)
  })

  it.each([
    ['a day by default', undefined, DEFAULT_LIFE_MS],
    ['as long as is asked', 5 * MINUTE, 5 * MINUTE],
    ['a month at most', 10 * MAX_LIFE_MS, MAX_LIFE_MS],
    ['not less than nothing', -1, 1],
  ])('lives for %s', (_, lifeMs, expected) => {
    const house = leaseHouse()
    const leases = house.open()
    const { id, expiresAt } = leases.open(requestWith(), { ...TEAM, lifeMs })
    expect(expiresAt.getTime() - house.now()).toBe(expected)
    house.pass(expected - 1)
    expect(leases.find(id)).toBeDefined()
    house.pass(1)
    expect(leases.find(id)).toBeUndefined()
    expect(house.ends).toEqual([[id, 'drain']])
    expect(readdirSync(house.directory)).toEqual([])
  })

  it('has another life ahead when it is renewed, with the secret that it had', () => {
    const house = leaseHouse()
    const leases = house.open()
    const lease = leases.open(requestWith(), { ...TEAM, lifeMs: 10 * MINUTE })
    house.pass(9 * MINUTE)
    expect(leases.renew(lease.id, 10 * MINUTE)).toMatchObject({ id: lease.id })
    house.pass(9 * MINUTE)
    expect(leases.admit(lease.secret.reveal())).toMatchObject({ id: lease.id })
    house.pass(MINUTE)
    expect(leases.renew(lease.id)).toBeUndefined()
  })

  it('ends at once, and once, when it is closed', () => {
    const house = leaseHouse()
    const leases = house.open()
    const lease = leases.open(requestWith(), TEAM)
    const other = leases.open(requestWith(), TEAM)
    expect(leases.close(lease.id, 'cut')).toBe(true)
    expect(leases.close(lease.id)).toBe(false)
    expect(leases.admit(lease.secret.reveal())).toBeUndefined()
    expect(leases.list()).toEqual([other])
    expect(house.ends).toEqual([[lease.id, 'cut']])
  })

  it('ends by the clock in a sweep, though nobody asks', () => {
    const house = leaseHouse()
    const leases = house.open()
    const { id } = leases.open(requestWith(), { ...TEAM, lifeMs: MINUTE })
    house.pass(MINUTE)
    leases.sweep()
    expect(house.ends).toEqual([[id, 'drain']])
  })
})

describe('an agent that starts anew', () => {
  it('takes up the leases that there were, as they were', () => {
    const house = leaseHouse()
    const before = house.open()
    const lease = before.open(WITH_PASSWORD, TEAM)
    before.renew(lease.id, 5 * MINUTE)
    before.close(before.open(requestWith(), TEAM).id)
    house.pass(MINUTE)
    const [taken, ...others] = house.open().list()
    expect(others).toEqual([])
    expect(taken).toMatchObject({ id: lease.id, workspace: 'team', openedAt: lease.openedAt })
    expect(taken?.expiresAt.getTime()).toBe(house.now() + 4 * MINUTE)
    expect(taken?.secret.equals(lease.secret)).toBe(true)
    expect(taken?.request.imageCredentials?.reveal()).toContain('canary')
    expect(taken?.request.imageId).toBe('i1')
  })

  it('takes up none that has ended meanwhile', () => {
    const house = leaseHouse()
    house.open().open(requestWith(), { ...TEAM, lifeMs: MINUTE })
    house.pass(MINUTE)
    expect(house.open().list()).toEqual([])
    expect(readdirSync(house.directory)).toEqual([])
  })

  it('finds them though the key was changed', async () => {
    const house = leaseHouse()
    await (await openForTest(house.file)).put(entryKey('ghcr.io'), basic('p'))
    const leases = house.open()
    const lease = leases.open(WITH_PASSWORD, TEAM)
    await rotateKey(house.file)
    leases.sweep()
    expect(house.open().find(lease.id)?.secret.equals(lease.secret)).toBe(true)
  })

  it('finds them though the key was changed while there was none', () => {
    const house = leaseHouse()
    const [old, next] = [generateKey(), generateKey()]
    house.file.keys.writer?.create()
    house.file.keys.writer?.replace([old])
    const lease = house.open().open(WITH_PASSWORD, TEAM)
    house.file.keys.writer?.replace([next, old])
    house.open().sweep()
    house.file.keys.writer?.replace([next])
    expect(house.open().find(lease.id)?.secret.equals(lease.secret)).toBe(true)
  })

  it('throws none away because it has lost its key', () => {
    const house = leaseHouse()
    const lease = house.open().open(WITH_PASSWORD, TEAM)
    const path = house.file.keys.name.replace('file:', '')
    renameSync(path, `${path}.away`)
    expect(house.open).toThrow('there is no key at')
    renameSync(`${path}.away`, path)
    expect(house.open().find(lease.id)).toBeDefined()
  })

  it('leaves out what was altered, cut off, or moved to another’s name', () => {
    const house = leaseHouse()
    const leases = house.open()
    const lease = leases.open(WITH_PASSWORD, TEAM)
    const path = (id: string) => join(house.directory, `${id}.lease`)
    const text = readFileSync(path(lease.id), 'latin1')
    writeFileSync(path('0000000000000000'), text, { mode: 0o600 })
    writeFileSync(path('1111111111111111'), text.slice(0, 100), { mode: 0o600 })
    writeFileSync(path('2222222222222222'), '', { mode: 0o600 })
    writeFileSync(join(house.directory, 'notes'), 'mine', { mode: 0o600 })
    expect(
      house
        .open()
        .list()
        .map(({ id }) => id),
    ).toEqual([lease.id])
    expect(readdirSync(house.directory).toSorted()).toEqual([`${lease.id}.lease`, 'notes'])
  })

  it('refuses a directory that others can read', () => {
    const house = leaseHouse()
    house.open()
    chmodSync(house.directory, 0o755)
    expect(house.open).toThrow('is open to other users')
  })
})

it('nothing of a lease can be read on the disk', () => {
  const house = leaseHouse()
  const lease = house.open().open(WITH_PASSWORD, TEAM)
  const text = readFileSync(join(house.directory, `${lease.id}.lease`), 'latin1')
  const decoded = Buffer.from(text, 'base64').toString('latin1')
  for (const part of ['canary', 'ghcr', 'team', lease.secret.reveal()]) {
    expect(text + decoded).not.toContain(part)
  }
})
