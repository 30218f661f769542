import { describe, expect, it } from 'vitest'
import { createRenewal } from '../../src/agent/renewal.ts'
import { createCache } from '../../src/cache/cache.ts'
import { PurserError } from '../../src/model/errors.ts'
import { parseHost } from '../../src/model/host.ts'
import type { Login } from '../../src/model/login.ts'
import { Secret } from '../../src/model/secret.ts'
import type { Target } from '../../src/model/target.ts'
import { silentLog } from '../../src/observe/log.ts'
import type { Registry } from '../../src/registries/registry.ts'
import { createResolver } from '../../src/resolver.ts'
import type { Source } from '../../src/sources/source.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const never = new AbortController().signal

/** A machine with an identity for each account; `a1.example` and `a2.example` are account `a`'s. */
function machine({ lifeMs = 12 * HOUR, random = 0.5 } = {}) {
  let at = 1_800_000_000_000
  let failure: PurserError | undefined
  let removed = false
  let changes = 0
  let open = 0
  let most = 0
  const exchanges: { readonly account: string; readonly at: number }[] = []
  let gate: Promise<void> | undefined

  const registry: Registry = {
    name: 'cloud',
    matches: () => true,
    read: () => undefined,
    audience: ({ name }) => name.slice(0, 1),
    async exchange(_, { host }): Promise<Login> {
      exchanges.push({ account: host.name.slice(0, 1), at })
      most = Math.max(most, ++open)
      await gate
      open--
      if (failure !== undefined) throw failure
      const secret = new Secret(`minted-${exchanges.length}`)
      return { username: 'AWS', secret, expiresAt: new Date(at + lifeMs) }
    },
  }
  const source: Source = {
    name: 'vault',
    async find() {
      const profile = `changed-${changes}`
      const credential = { kind: 'ambient-aws', profile, role: undefined } as const
      return removed ? undefined : { credential, from: 'an entry' }
    },
  }
  const now = () => at
  const cache = createCache<Login | undefined>({ now })
  const resolver = createResolver({ sources: [source], registries: [registry], cache, now })
  const renewal = createRenewal({ resolver, now, random: () => random, log: silentLog })
  const target = (host: string): Target => ({
    workspace: 'default',
    host: parseHost(host),
    repository: undefined,
    action: 'pull',
  })
  return {
    renewal,
    exchanges,
    most: () => most,
    ask: async (host: string) =>
      (await renewal.resolve(target(host), never))?.login.secret.reveal(),
    async forget(host: string) {
      const resolution = await renewal.resolve(target(host), never)
      if (resolution !== undefined) renewal.forget?.(resolution.login)
    },
    async pass(ms: number) {
      at += ms
      await renewal.check()
    },
    fail: (error: PurserError | undefined) => {
      failure = error
    },
    change: () => {
      changes++
    },
    remove: () => {
      removed = true
    },
    hold() {
      let release = () => {}
      gate = new Promise((resolve) => {
        release = resolve
      })
      return release
    },
  }
}

describe('a renewal', () => {
  it('comes ahead of expiry, for a login that is in use', async () => {
    const { ask, pass, renewal, exchanges } = machine()
    await ask('a1.example')
    await pass(8 * HOUR)
    await ask('a1.example')
    // Due after 8.1 h, at the latest after 9.99 h, and here in the middle.
    await pass(60 * MINUTE)
    expect(exchanges).toHaveLength(1)
    await pass(3 * MINUTE)
    expect(exchanges).toHaveLength(2)
    expect(await ask('a1.example')).toBe('minted-2')
    expect(renewal.stats()).toMatchObject({ kept: 1, renewed: 1, failed: 0 })
  })

  it.each([
    [0, 8.1 * HOUR],
    [0.999, 9.988 * HOUR],
  ])('has a moment of its own: %f', async (random, from) => {
    const { ask, pass, exchanges } = machine({ random })
    await ask('a1.example')
    await pass(6 * HOUR)
    await ask('a1.example')
    await pass(from - 6 * HOUR - MINUTE)
    expect(exchanges).toHaveLength(1)
    await pass(2 * MINUTE)
    expect(exchanges).toHaveLength(2)
  })

  it('pauses for a login that nobody asked for in a while, until somebody does', async () => {
    const { ask, pass, exchanges } = machine()
    await ask('a1.example')
    await pass(10 * HOUR)
    expect(exchanges).toHaveLength(1)
    await ask('a1.example')
    await pass(SECOND)
    expect(exchanges).toHaveLength(2)
  })

  it('is one for all hosts of an identity', async () => {
    const { ask, pass, exchanges } = machine()
    await Promise.all(['a1.example', 'a2.example', 'a3.example'].map(ask))
    await pass(8 * HOUR)
    await Promise.all(['a1.example', 'a2.example', 'a3.example'].map(ask))
    await pass(2 * HOUR)
    expect(exchanges).toHaveLength(2)
  })

  it('keeps a login of five minutes from ever being waited for', async () => {
    const { ask, pass, exchanges } = machine({ lifeMs: 5 * MINUTE })
    for (let i = 0; i < 12 * 60; i++) {
      const before = exchanges.length
      await ask('a1.example')
      if (i > 0) expect(exchanges.length).toBe(before)
      await pass(5 * SECOND)
    }
    expect(exchanges.length).toBeLessThanOrEqual(60 / 3 + 1)
  })

  it('tries again after a while if nobody answered, and the login stays in use', async () => {
    const { ask, pass, fail, exchanges, renewal } = machine()
    await ask('a1.example')
    await pass(8 * HOUR)
    await ask('a1.example')
    fail(new PurserError('network', 'no answer'))
    await pass(1.05 * HOUR)
    for (let i = 0; i < 60; i++) await pass(10 * SECOND)
    expect(exchanges.length).toBeGreaterThan(3)
    expect(exchanges.length).toBeLessThan(8)
    expect(await ask('a1.example')).toBe('minted-1')
    fail(undefined)
    await pass(10 * MINUTE)
    expect(await ask('a1.example')).toBe(`minted-${exchanges.length}`)
    expect(renewal.stats()).toMatchObject({ renewed: 1, failed: exchanges.length - 2 })
  })

  it('lets go of a login that was refused', async () => {
    const { ask, pass, fail, exchanges, renewal } = machine()
    await ask('a1.example')
    await pass(8 * HOUR)
    await ask('a1.example')
    fail(new PurserError('exchange-failed', 'refused'))
    await pass(1.5 * HOUR)
    expect(exchanges).toHaveLength(2)
    expect(renewal.stats()).toMatchObject({ kept: 0, nextExpiry: undefined, failed: 1 })
    await pass(HOUR)
    expect(exchanges).toHaveLength(2)
    await expect(ask('a1.example')).rejects.toMatchObject({ code: 'exchange-failed' })
  })

  it('wakes nothing that has ended while the machine slept', async () => {
    const { ask, pass, exchanges, renewal } = machine()
    for (const host of ['a1.example', 'b1.example', 'c1.example']) await ask(host)
    await pass(11 * HOUR)
    expect(exchanges).toHaveLength(3)
    expect(renewal.stats()).toMatchObject({ kept: 0 })
  })

  it('takes up a credential that was changed, and leaves one that was removed', async () => {
    const { ask, pass, change, remove, exchanges, renewal } = machine()
    await ask('a1.example')
    await pass(8 * HOUR)
    await ask('a1.example')
    change()
    await pass(2 * HOUR)
    expect(renewal.stats()).toMatchObject({ kept: 1, renewed: 1 })
    await pass(8 * HOUR)
    await ask('a1.example')
    remove()
    await pass(2 * HOUR)
    expect(exchanges).toHaveLength(2)
    expect(renewal.stats()).toMatchObject({ kept: 0 })
  })

  it('asks for four at a time, and for all in the end', async () => {
    const { ask, pass, hold, most, exchanges } = machine()
    const hosts = 'abcdefghij'.split('').map((account) => `${account}1.example`)
    for (const host of hosts) await ask(host)
    await pass(8 * HOUR)
    for (const host of hosts) await ask(host)
    const release = hold()
    const checked = pass(2 * HOUR)
    await new Promise(setImmediate)
    expect(exchanges).toHaveLength(14)
    // Another look at the clock meanwhile starts no more of them.
    await pass(SECOND)
    expect(exchanges).toHaveLength(14)
    release()
    await checked
    expect(exchanges).toHaveLength(20)
    expect(most()).toBe(4)
  })

  it('tells what it keeps, and which ends first', async () => {
    const { ask, pass, renewal } = machine()
    await ask('a1.example')
    await pass(HOUR)
    await ask('b1.example')
    expect(renewal.stats()).toEqual({
      kept: 2,
      nextExpiry: new Date(1_800_000_000_000 + 12 * HOUR),
      renewed: 0,
      failed: 0,
    })
  })

  it('lets go of a login that a registry refused, until somebody asks again', async () => {
    const { forget, pass, exchanges, renewal, ask } = machine()
    await forget('a1.example')
    expect(renewal.stats()).toMatchObject({ kept: 0 })
    await pass(9.5 * HOUR)
    expect(exchanges).toHaveLength(1)
    expect(await ask('a1.example')).toBe('minted-2')
  })

  it('stops when it is closed', async () => {
    const { ask, pass, renewal, hold } = machine()
    await ask('a1.example')
    await pass(8 * HOUR)
    await ask('a1.example')
    hold()
    const checked = pass(2 * HOUR)
    await new Promise(setImmediate)
    renewal.close()
    await checked
    expect(renewal.stats()).toMatchObject({ renewed: 0, failed: 0 })
  })
})
