import { describe, expect, test } from 'vitest'
import type { HealthEvent } from '../../src/health/event.ts'
import { createMonitor, tickMsOf } from '../../src/health/monitor.ts'
import type { Subject } from '../../src/health/subject.ts'
import type { HealthState, Verdict } from '../../src/health/verdict.ts'
import { PurserError } from '../../src/model/errors.ts'
import type { LogFields } from '../../src/observe/log.ts'
import { basic, entryFor, NOW } from './harness.ts'

const HOUR = 60 * 60_000
const TICK = tickMsOf(HOUR)
const GHCR = entryFor('ghcr.io', basic('ann', 'canary'))
const QUAY = entryFor('quay.io', basic('ann', 'canary'), { prefix: 'acme' })

function verdict(state: HealthState): Verdict {
  if (state === 'valid') return { state, expiresAt: undefined, reason: 'took ann' }
  return { state, expiresAt: undefined, reason: 'status 401', hint: 'log in anew', status: 401 }
}

/** A monitor whose clock, registries and vault the test plays. */
function watch(entries: readonly Subject[] = [GHCR], random = () => 0.5) {
  const clock = { now: NOW }
  const vault = { entries }
  const states = new Map<string, HealthState | Error>()
  const checked: { readonly host: string; readonly at: number }[] = []
  const events: HealthEvent[] = []
  const logged: (LogFields & { readonly event: string })[] = []
  const keep = (event: string, fields: LogFields = {}) => void logged.push({ event, ...fields })
  const gate: { hold?: Promise<void> } = {}
  const monitor = createMonitor({
    subjects: async () => {
      const found = states.get('vault')
      if (found instanceof Error) throw found
      return vault.entries
    },
    checker: {
      async check({ host }, signal) {
        checked.push({ host: host.name, at: clock.now - NOW })
        await gate.hold
        signal.throwIfAborted()
        const state = states.get(host.name)
        return verdict(typeof state === 'string' ? state : 'valid')
      },
    },
    intervalMs: HOUR,
    now: () => clock.now,
    random,
    log: { error: keep, warn: keep, info: keep, debug: keep },
    onChange: (event) => void events.push(event),
  })
  /** Lets time pass as a machine does that is awake. */
  async function pass(ms: number): Promise<void> {
    for (const end = clock.now + ms; clock.now < end; clock.now += TICK) await monitor.tick()
  }
  return { clock, vault, states, checked, events, logged, gate, monitor, pass }
}

describe('a monitor', () => {
  test('checks each entry soon, then once an interval', async () => {
    const { checked, pass } = watch([GHCR, QUAY])
    await pass(3.5 * HOUR)
    const times = Object.groupBy(checked, ({ host }) => host)
    for (const host of ['ghcr.io', 'quay.io']) {
      const at = times[host]?.map((each) => each.at) ?? []
      expect(at).toHaveLength(4)
      expect(at[0]).toBeLessThan(60_000)
    }
  })

  test('spreads checks', async () => {
    let seed = 1
    const random = () => {
      seed = (seed * 16_807) % 2_147_483_647
      return seed / 2_147_483_647
    }
    const many = Array.from({ length: 50 }, (_, i) => entryFor(`r${i}.example`, basic('a', 'b')))
    const { checked, pass } = watch(many, random)
    await pass(1.2 * HOUR)
    const second = checked.slice(50).map(({ at }) => at)
    expect(second).toHaveLength(50)
    expect(new Set(second).size).toBeGreaterThan(15)
    expect(Math.min(...second)).toBeGreaterThanOrEqual(0.9 * HOUR)
    expect(Math.max(...second)).toBeLessThanOrEqual(1.11 * HOUR)
  })

  test('tells of a change once', async () => {
    const { states, events, logged, monitor, pass } = watch()
    await pass(2 * HOUR)
    expect(events).toEqual([])
    states.set('ghcr.io', 'refused')
    await pass(3 * HOUR)
    states.set('ghcr.io', 'unreachable')
    await pass(2 * HOUR)
    states.set('ghcr.io', 'valid')
    await pass(2 * HOUR)
    expect(events.map(({ from, to }) => [from, to])).toEqual([
      ['valid', 'refused'],
      ['refused', 'unreachable'],
      ['unreachable', 'valid'],
    ])
    expect(logged.map(({ event, from, to }) => ({ event, from, to }))).toEqual([
      { event: 'entry is refused', from: 'valid', to: 'refused' },
      { event: 'entry is unreachable', from: 'refused', to: 'unreachable' },
      { event: 'entry is valid again', from: 'unreachable', to: 'valid' },
    ])
    const [standing] = monitor.standings()
    expect(standing?.verdict.state).toBe('valid')
    expect(standing?.since.toISOString()).toBe(events[2]?.at)
    expect(standing?.checkedAt.getTime()).toBeGreaterThan(standing?.since.getTime() ?? 0)
  })

  test('tells of an entry that is not valid to begin with', async () => {
    const { states, events, logged, pass } = watch([QUAY])
    states.set('quay.io', 'expired')
    await pass(2 * HOUR)
    expect(events).toEqual([
      {
        workspace: 'default',
        host: 'quay.io',
        prefix: 'acme',
        name: 'default',
        source: 'vault',
        from: null,
        to: 'expired',
        reason: 'status 401',
        hint: 'log in anew',
        at: expect.any(String),
        expiresAt: null,
      },
    ])
    expect(JSON.stringify([events, logged])).not.toContain('canary')
  })

  test('checks soon what was changed, and forgets what was removed', async () => {
    const { vault, states, checked, monitor, pass } = watch([GHCR, QUAY])
    states.set('ghcr.io', 'refused')
    await pass(60_000)
    expect(checked).toHaveLength(2)
    vault.entries = [{ ...GHCR, version: 2 }]
    states.set('ghcr.io', 'valid')
    await pass(60_000)
    expect(checked).toHaveLength(3)
    expect(
      monitor.standings().map(({ subject, verdict }) => [subject.host.name, verdict.state]),
    ).toEqual([['ghcr.io', 'valid']])
  })

  test('sleeps with its machine, and lets the network come back first', async () => {
    const { clock, checked, pass } = watch()
    await pass(60_000)
    clock.now += 5 * HOUR
    const wokeAt = clock.now - NOW
    await pass(HOUR / 2)
    expect(checked).toHaveLength(2)
    expect(checked[1]?.at).toBeGreaterThanOrEqual(wokeAt + 20_000)
    expect(checked[1]?.at).toBeLessThan(wokeAt + 120_000)
  })

  test('does not wait for a time that comes again, when the clock is set back', async () => {
    const { clock, checked, pass } = watch()
    await pass(60_000)
    clock.now -= 24 * HOUR
    await pass(1.5 * HOUR)
    expect(checked).toHaveLength(2)
  })

  test('never checks an entry twice at a time', async () => {
    const { clock, checked, gate, monitor, pass } = watch()
    await monitor.tick()
    const { promise, resolve: release } = Promise.withResolvers<void>()
    gate.hold = promise
    clock.now += 60_000
    const first = monitor.tick()
    await new Promise(setImmediate)
    clock.now += 2 * HOUR
    await monitor.tick()
    await monitor.tick()
    expect(checked).toHaveLength(1)
    release()
    await first
    await pass(1.5 * HOUR)
    expect(checked).toHaveLength(2)
  })

  test('says once that it cannot read the vault, and goes on when it can', async () => {
    const { states, checked, logged, pass } = watch()
    states.set('vault', new PurserError('key-missing', 'there is no key'))
    await pass(HOUR)
    expect(logged).toEqual([{ event: 'cannot check', error: 'there is no key' }])
    states.delete('vault')
    await pass(60_000)
    expect(checked).toHaveLength(1)
  })

  test('stops what it does when it is closed', async () => {
    const { clock, events, gate, monitor, states } = watch()
    states.set('ghcr.io', 'refused')
    await monitor.tick()
    const { promise, resolve: release } = Promise.withResolvers<void>()
    gate.hold = promise
    clock.now += 60_000
    const ticking = monitor.tick()
    await new Promise(setImmediate)
    const closed = monitor.close()
    release()
    await Promise.all([ticking, closed])
    await monitor.tick()
    expect(events).toEqual([])
    expect(monitor.standings()).toEqual([])
  })
})
