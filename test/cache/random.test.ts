import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createCache, type Perishable } from '../../src/cache/cache.ts'
import { PurserError } from '../../src/model/errors.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const never = new AbortController().signal

interface Login {
  readonly bornAt: number
  readonly lifeMs: number
  /** Registries have said that it is no longer good. */
  refused: boolean
}

/** The margin that is promised, by the true time: a tenth, a minute at least, half at most. */
const marginOf = (lifeMs: number) => Math.min(Math.max(lifeMs / 10, MINUTE), lifeMs / 2)

const OUTCOMES = ['given', 'given', 'given', 'refused', 'unanswered', 'missing'] as const

const step = fc.record({
  passMs: fc.oneof(fc.integer({ min: 0, max: 5 * MINUTE }), fc.integer({ min: 0, max: 3 * HOUR })),
  /** Where the wall clock goes, in minutes off the true time. */
  skewMin: fc.option(fc.integer({ min: -5, max: 5 })),
  outcome: fc.constantFrom(...OUTCOMES),
  lifeMs: fc.integer({ min: 5 * MINUTE, max: 12 * HOUR }),
  ask: fc.constantFrom('get', 'get', 'get', 'renew', 'drop'),
})

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** A cache, and the clouds and clocks around it. */
function world() {
  let time = 1_800_000_000_000
  let skew = 0
  let last: Login | undefined
  const exchanges: number[] = []
  const cache = createCache<Login | undefined>({
    now: () => time + skew,
    uptime: () => time - 1_700_000_000_000,
  })

  const answer = ({ outcome, lifeMs }: Step): Perishable<Login | undefined> => {
    exchanges.push(time)
    if (outcome === 'refused') throw new PurserError('exchange-failed', 'refused')
    if (outcome === 'unanswered') throw new PurserError('network', 'unanswered')
    const login = { bornAt: time, lifeMs, refused: false }
    const expiresAt = new Date(time + skew + lifeMs)
    return { value: outcome === 'missing' ? undefined : login, expiresAt }
  }

  function drop(): void {
    if (last !== undefined) last.refused = true
    cache.drop('k', last)
  }

  async function ask(how: 'get' | 'renew', next: Step): Promise<void> {
    try {
      last = await cache[how]('k', async () => answer(next), never)
    } catch (error) {
      if (!(error instanceof PurserError)) throw error
      // A renewal that failed may leave the old one in use.
      if (how === 'get') last = undefined
      return
    }
    if (last === undefined) return
    expect(last.refused).toBe(false)
    expect(time).toBeLessThan(last.bornAt + last.lifeMs - marginOf(last.lifeMs))
  }

  return {
    exchanges,
    async live(next: Step): Promise<void> {
      time += next.passMs
      skew = next.skewMin === null ? skew : next.skewMin * MINUTE
      if (next.ask === 'drop') drop()
      else await ask(next.ask, next)
    },
  }
}

test('nothing is handed out within its margin, after its end or after a refusal', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { live, exchanges } = world()
      for (const each of steps) {
        const before = exchanges.length
        await live(each)
        expect(exchanges.length - before).toBeLessThanOrEqual(1)
      }
      // 12 that count and 24 that paid for themselves, and what a wall clock set forward lets by.
      for (const at of exchanges) {
        const within = exchanges.filter((then) => then >= at && then - at < HOUR - 10 * MINUTE)
        expect(within.length).toBeLessThanOrEqual(36)
      }
    }),
    { numRuns: 500 },
  )
})

test('of what fails, no more than 12 are tried within an hour, whatever the clock does', async () => {
  const pass = fc.integer({ min: 0, max: 10 * MINUTE })
  await fc.assert(
    fc.asyncProperty(fc.array(pass, { minLength: 20, maxLength: 200 }), async (passes) => {
      let time = 1_800_000_000_000
      const tries: number[] = []
      const cache = createCache<number>({ now: () => time })
      const produce = async () => {
        tries.push(time)
        throw new PurserError('exchange-failed', 'refused')
      }
      for (const ms of passes) {
        time += ms
        await expect(cache.get('k', produce, never)).rejects.toMatchObject({
          code: 'exchange-failed',
        })
      }
      for (const at of tries) {
        const within = tries.filter((then) => then >= at && then - at < HOUR)
        expect(within.length).toBeLessThanOrEqual(12)
      }
    }),
    { numRuns: 200 },
  )
})
