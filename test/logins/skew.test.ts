import fc from 'fast-check'
import { expect, it } from 'vitest'
import { login, never, openHome } from './home.ts'
import { HOUR, homeForTest, MINUTE } from './machine.ts'

const marginOf = (lifeMs: number) => Math.min(Math.max(lifeMs / 10, MINUTE), lifeMs / 2)

/** Two processes, one after the other, whose clocks tell different times. */
async function askTwice(
  home: ReturnType<typeof homeForTest>,
  key: string,
  { lifeMs, ageMs, skewMs, startedMs }: Question,
): Promise<boolean> {
  const birth = Date.now()
  const first = openHome(home, { now: () => birth, uptime: () => 3 * HOUR })
  const produce = (secret: string, at: number) => async () => {
    const expiresAt = new Date(at + lifeMs)
    return { value: login(secret, expiresAt), expiresAt }
  }
  await first.cache.get(key, produce('first', birth), never)
  const wall = birth + ageMs + skewMs
  const uptimeMs = startedMs === undefined ? 3 * HOUR + ageMs : startedMs
  const second = openHome(home, { now: () => wall, uptime: () => uptimeMs })
  const found = await second.cache.get(key, produce('second', wall), never)
  return found?.secret.reveal() === 'first'
}

interface Question {
  readonly lifeMs: number
  /** What has passed in truth. */
  readonly ageMs: number
  /** How much later the second clock is. */
  readonly skewMs: number
  /** The uptime of the second's machine, if it is not the first's. */
  readonly startedMs?: number | undefined
}

it.each<[string, Question, boolean]>([
  ['an hour later', { lifeMs: 12 * HOUR, ageMs: HOUR, skewMs: 0 }, true],
  ['and a clock set back', { lifeMs: 12 * HOUR, ageMs: HOUR, skewMs: -5 * MINUTE }, true],
  ['and a clock set forward', { lifeMs: 12 * HOUR, ageMs: HOUR, skewMs: 5 * MINUTE }, true],
  ['and a restart', { lifeMs: 12 * HOUR, ageMs: HOUR, skewMs: 0, startedMs: MINUTE }, true],
  ['a minute later, of five', { lifeMs: 5 * MINUTE, ageMs: MINUTE, skewMs: 0 }, true],
  ['and a clock set back', { lifeMs: 5 * MINUTE, ageMs: MINUTE, skewMs: -5 * MINUTE }, false],
])('a login serves the next process: %s', async (_, question, served) => {
  expect(await askTwice(homeForTest(), 'slot', question)).toBe(served)
})

it('is never served within its margin, by clocks that are five minutes apart', async () => {
  const home = homeForTest()
  let slots = 0
  const question = fc.record({
    lifeMs: fc.integer({ min: MINUTE, max: 12 * HOUR }),
    share: fc.double({ min: 0, max: 1.2, noNaN: true }),
    skewMs: fc.integer({ min: -5 * MINUTE, max: 5 * MINUTE }),
    startedMs: fc.option(fc.integer({ min: 0, max: 48 * HOUR }), { nil: undefined }),
  })
  await fc.assert(
    fc.asyncProperty(question, async ({ lifeMs, share, skewMs, startedMs }) => {
      const ageMs = Math.round(lifeMs * share)
      const served = await askTwice(home, `slot-${slots++}`, { lifeMs, ageMs, skewMs, startedMs })
      if (served) expect(ageMs).toBeLessThan(lifeMs - marginOf(lifeMs))
    }),
    { numRuns: 500 },
  )
})
