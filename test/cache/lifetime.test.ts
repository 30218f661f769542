import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import {
  ageOf,
  beginLife,
  isDue,
  isServed,
  type Lifetime,
  SKEW_MS,
  scheduleOf,
} from '../../src/cache/lifetime.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** A machine whose clocks go wrong as they are told to. */
function machine() {
  let time = 1_800_000_000_000
  let offset = 0
  let startedAt = time - 7 * HOUR
  return {
    now: () => time + offset,
    uptime: () => time - startedAt,
    /** What the time really is. */
    time: () => time,
    pass(ms: number) {
      time += ms
    },
    set(ms: number) {
      offset += ms
    },
    restart() {
      startedAt = time
    },
    expiry: (ms: number) => new Date(time + offset + ms),
  }
}

describe('an age', () => {
  type Machine = ReturnType<typeof machine>
  it.each<[string, (machine: Machine) => void, number]>([
    ['is what both clocks tell', (m) => m.pass(HOUR), HOUR],
    ['is the uptime, and more, of a clock that was set back', (m) => m.set(-4 * MINUTE), SKEW_MS],
    [
      'is the uptime, and more, of one that was set back by less than passed',
      (m) => {
        m.pass(2 * HOUR)
        m.set(-HOUR)
      },
      2 * HOUR + SKEW_MS,
    ],
    ['is more of a clock that was set forward', (m) => m.set(HOUR), HOUR + SKEW_MS],
    [
      'is by the wall clock of a machine that was started anew',
      (m) => {
        m.pass(HOUR)
        m.restart()
      },
      HOUR + SKEW_MS,
    ],
    ['has no end before the birth, by more than the skew', (m) => m.set(-6 * MINUTE), Infinity],
    ['forgives what clocks drift apart', (m) => m.set(-SECOND), 0],
  ])('%s', (_, happen, age) => {
    const clocks = machine()
    const life = beginLife(clocks.expiry(12 * HOUR), clocks)
    happen(clocks)
    expect(ageOf(life, clocks)).toBe(age)
  })

  test('is never less than the true one, whatever is set by five minutes and started anew', () => {
    const event = fc.oneof(
      fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 3 * HOUR }) }),
      fc.record({ kind: fc.constant('set' as const), to: fc.integer({ min: -1, max: 1 }) }),
      fc.record({ kind: fc.constant('restart' as const) }),
    )
    fc.assert(
      fc.property(fc.array(event, { maxLength: 20 }), (events) => {
        const clocks = machine()
        const bornAt = clocks.time()
        const life = beginLife(clocks.expiry(12 * HOUR), clocks)
        let offset = 0
        for (const each of events) {
          if (each.kind === 'pass') clocks.pass(each.ms)
          if (each.kind === 'restart') clocks.restart()
          if (each.kind === 'set') {
            // Within the skew of what it was at birth, whichever way it got there.
            clocks.set(each.to * SKEW_MS - offset)
            offset = each.to * SKEW_MS
          }
          const trueAge = clocks.time() - bornAt
          expect(ageOf(life, clocks)).toBeGreaterThanOrEqual(trueAge)
        }
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('a life', () => {
  const served = (life: Lifetime, age: number) =>
    isServed(life, { now: () => life.bornAt + age, uptime: () => life.bornUptime + age })
  const due = (life: Lifetime, age: number) =>
    isDue(life, { now: () => life.bornAt + age, uptime: () => life.bornUptime + age })

  it.each([
    // [what, life, served for, due from]
    ['of twelve hours', 12 * HOUR, 648 * MINUTE, 486 * MINUTE],
    ['of an hour', HOUR, 54 * MINUTE, 40.5 * MINUTE],
    ['of five minutes', 5 * MINUTE, 4 * MINUTE, 3 * MINUTE],
    ['of a minute', MINUTE, 30 * SECOND, 22.5 * SECOND],
    ['that nobody told', undefined, 9 * MINUTE, 6.75 * MINUTE],
    ['of a century', 876_000 * HOUR, 21.6 * HOUR, 16.2 * HOUR],
  ])('%s is served, and due, in time', (_, ms, until, from) => {
    const clocks = machine()
    const life = beginLife(ms === undefined ? undefined : clocks.expiry(ms), clocks)
    expect([served(life, until - 1), served(life, until)]).toEqual([true, false])
    expect([due(life, from - 1), due(life, from)]).toEqual([false, true])
    expect(scheduleOf(life, clocks)).toEqual({
      dueAt: clocks.now() + from,
      servedUntil: clocks.now() + until,
    })
  })
})
