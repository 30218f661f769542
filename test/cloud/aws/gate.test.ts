import { describe, expect, test } from 'vitest'
import { createGate, type Question } from '../../../src/cloud/aws/gate.ts'
import { createClock } from './clock.ts'

const { signal } = new AbortController()
const BUSY = new Error('busy')
const BROKEN = new Error('broken')
const REFUSED = new Error('refused')

function questionOf(ask: () => Promise<unknown>): Question<unknown> {
  return {
    ask,
    isThrottled: (error) => error === BUSY,
    isPassing: (error) => error === BROKEN,
  }
}

/** An API that allows so many questions a second, and at first as many at once. */
function limited(clock: ReturnType<typeof createClock>, perSecond: number) {
  const stats = { asked: 0, refused: 0, running: 0, most: 0 }
  let tokens = perSecond
  let filledAt = clock.now()
  const question = questionOf(async () => {
    stats.asked++
    stats.most = Math.max(stats.most, ++stats.running)
    await clock.pause(100, signal)
    stats.running--
    tokens = Math.min(perSecond, tokens + ((clock.now() - filledAt) * perSecond) / 1000)
    filledAt = clock.now()
    if (tokens < 1) {
      stats.refused++
      throw BUSY
    }
    tokens--
    return 'token'
  })
  return { stats, question }
}

describe('two hundred identities at once, and an API that allows twenty a second', () => {
  test('all get an answer, and never a herd', async () => {
    const clock = createClock()
    const gate = createGate(clock)
    const { stats, question } = limited(clock, 20)
    const answers = Array.from({ length: 200 }, (_, i) =>
      gate.pass('ECR us-east-1', `id ${i}`, question, signal),
    )
    await clock.run(Promise.all(answers))
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['token']))
    // Twenty that burst, the eight that are under way when it is refused, and some that meet those.
    expect(stats.refused).toBeLessThan(60)
    expect(stats.most).toBeLessThanOrEqual(8)
    // 200 at 20 a second take 9 s at least; it is slow, but no slower than it has to be.
    expect(clock.now()).toBeLessThan(30_000)
  })

  test('and another region does not wait for them', async () => {
    const clock = createClock()
    const gate = createGate(clock)
    const { question } = limited(clock, 20)
    const busy = Array.from({ length: 200 }, (_, i) =>
      gate.pass('ECR us-east-1', `id ${i}`, question, signal),
    )
    const other = gate.pass('ECR eu-west-1', 'id', limited(clock, 20).question, signal)
    await clock.run(other)
    expect(clock.now()).toBeLessThan(500)
    await clock.run(Promise.all(busy))
  })
})

describe('an identity that is refused for haste to the end', () => {
  async function refuse(clock = createClock()) {
    const gate = createGate({ ...clock, random: () => 0.5 })
    let asked = 0
    const question = questionOf(async () => {
      asked++
      throw BUSY
    })
    const ask = async (identity: string, asked = question) => {
      try {
        gate.requireOpen('ECR us-east-1', identity, 'asking')
        return await clock.run(gate.pass('ECR us-east-1', identity, asked, signal))
      } catch (error) {
        return error
      }
    }
    expect(await ask('a')).toBe(BUSY)
    expect(asked).toBe(6)
    return { clock, ask, asked: () => asked }
  }

  test('is not asked again by the next question, which is told when', async () => {
    const { ask, asked } = await refuse()
    expect(await ask('a')).toMatchObject({
      code: 'exchange-failed',
      message: 'asking: Amazon has refused it for haste',
      hint: 'it is asked again in 15 s',
    })
    expect(asked()).toBe(6)
  })

  test('is asked again after that', async () => {
    const { clock, ask } = await refuse()
    clock.advance(15_001)
    expect(
      await ask(
        'a',
        questionOf(async () => 'token'),
      ),
    ).toBe('token')
  })

  test('does not keep another from asking', async () => {
    const { ask } = await refuse()
    expect(
      await ask(
        'b',
        questionOf(async () => 'token'),
      ),
    ).toBe('token')
  })

  test('is asked if the clock was set back', async () => {
    const { clock, ask } = await refuse()
    clock.advance(-3_600_000)
    expect(
      await ask(
        'a',
        questionOf(async () => 'token'),
      ),
    ).toBe('token')
  })
})

test.each([
  ['passes', BROKEN, 3],
  ['stays', REFUSED, 1],
])('an error that %s', async (_name, error, times) => {
  const clock = createClock()
  let asked = 0
  const question = questionOf(async () => {
    asked++
    throw error
  })
  const gate = createGate(clock)
  const answer = gate.pass('lane', 'id', question, signal).catch((thrown: unknown) => thrown)
  expect(await clock.run(answer)).toBe(error)
  expect(asked).toBe(times)
})

test('who gives up while waiting for a place leaves it to the next', async () => {
  const clock = createClock()
  const gate = createGate(clock)
  const slow = questionOf(async () => clock.pause(1000, signal))
  const running = Array.from({ length: 8 }, (_, i) => gate.pass('lane', `${i}`, slow, signal))
  const leaving = new AbortController()
  const gone = new Error('gone')
  const left = gate.pass('lane', 'gone', slow, leaving.signal).catch((error: unknown) => error)
  const next = gate.pass(
    'lane',
    'next',
    questionOf(async () => 'token'),
    signal,
  )
  leaving.abort(gone)
  expect(await left).toBe(gone)
  expect(await clock.run(next)).toBe('token')
  await clock.run(Promise.all(running))
})
