import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { createCache } from '../../src/cache/cache.ts'
import { PurserError } from '../../src/model/errors.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

function clock(start = 1_800_000_000_000) {
  let at = start
  return {
    now: () => at,
    pass: (ms: number) => {
      at += ms
    },
    date: (ms: number) => new Date(at + ms),
  }
}

const never = new AbortController().signal

describe('a cache', () => {
  it('makes a value once for all who ask meanwhile', async () => {
    const cache = createCache<number>({ now: Date.now })
    let made = 0
    const produce = async () => ({ value: ++made, expiresAt: undefined })
    const values = await Promise.all(
      Array.from({ length: 10_000 }, () => cache.get('k', produce, never)),
    )
    expect(new Set(values)).toEqual(new Set([1]))
    expect(made).toBe(1)
  })

  it.each([
    // [life, age, served again?]
    [12 * HOUR, 10 * HOUR, true],
    [12 * HOUR, 12 * HOUR - 12 * 6 * MINUTE, false],
    [HOUR, 53 * MINUTE, true],
    [HOUR, 54 * MINUTE, false],
    [5 * MINUTE, 3 * MINUTE, true],
    [5 * MINUTE, 4 * MINUTE, false],
    [MINUTE, 29_000, true],
    [MINUTE, 30_000, false],
  ])('serves a value of %i ms at %i ms: %s', async (life, age, served) => {
    const time = clock()
    const cache = createCache<number>({ now: time.now })
    let made = 0
    const produce = async () => ({ value: ++made, expiresAt: time.date(life) })
    await cache.get('k', produce, never)
    time.pass(age)
    expect(await cache.get('k', produce, never)).toBe(served ? 1 : 2)
  })

  it.each([
    ['ended already', new Date(0)],
    ['ends at no time that there is', new Date(Number.NaN)],
  ])('keeps and hands out nothing that %s', async (_, expiresAt) => {
    const cache = createCache<number>({ now: Date.now })
    const made = cache.get('k', async () => ({ value: 1, expiresAt }), never)
    await expect(made).rejects.toMatchObject({
      code: 'exchange-failed',
      message: 'what was given in exchange had ended already',
    })
  })

  it('tells a failure to all who waited, and tries again for the next', async () => {
    const cache = createCache<number>({ now: Date.now })
    let tries = 0
    const produce = async () => {
      tries++
      if (tries === 1) throw new Error('refused')
      return { value: tries, expiresAt: undefined }
    }
    const both = await Promise.allSettled([
      cache.get('k', produce, never),
      cache.get('k', produce, never),
    ])
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(await cache.get('k', produce, never)).toBe(2)
  })

  it('never serves an old value after an error', async () => {
    const time = clock()
    const cache = createCache<number>({ now: time.now })
    await cache.get('k', async () => ({ value: 1, expiresAt: time.date(HOUR) }), never)
    time.pass(55 * MINUTE)
    const failing = cache.get('k', () => Promise.reject(new Error('refused')), never)
    await expect(failing).rejects.toThrow('refused')
  })

  it('exchanges at most 12 times an hour, however often a value is refused', async () => {
    const time = clock()
    const cache = createCache<number>({ now: time.now })
    let made = 0
    const produce = async () => ({ value: ++made, expiresAt: time.date(HOUR) })
    for (let i = 0; i < 12; i++) {
      cache.drop('k', await cache.get('k', produce, never))
      time.pass(1_000)
    }
    await expect(cache.get('k', produce, never)).rejects.toMatchObject({
      code: 'exchange-limit',
      message: 'this credential was exchanged 12 times within the hour',
      hint: 'mend what made it fail; the next try is due in 60 min',
    })
    expect(made).toBe(12)
    expect(await cache.get('other', produce, never)).toBe(13)
    time.pass(HOUR)
    expect(await cache.get('k', produce, never)).toBe(14)
  })

  it('tries what fails three times at once, and then after pauses that double', async () => {
    const time = clock()
    const cache = createCache<number>({ now: time.now })
    const start = time.now()
    const tries: number[] = []
    const produce = async () => {
      tries.push((time.now() - start) / 1_000)
      throw new PurserError('network', 'nobody answers', { hint: 'look at the cable' })
    }
    for (; time.now() - start < HOUR; time.pass(1_000)) {
      await expect(cache.get('k', produce, never)).rejects.toMatchObject({ code: 'network' })
    }
    expect(tries).toEqual([0, 1, 2, 32, 92, 212, 452, 932, 1532, 2132, 2732, 3332])
    await expect(cache.get('k', produce, never)).rejects.toMatchObject({
      message: expect.stringMatching(/^nobody answers; next try in \d+ s$/),
      hint: 'look at the cable',
    })
  })

  it('keeps a login of five minutes coming, for as long as somebody asks', async () => {
    const time = clock()
    const cache = createCache<number>({ now: time.now })
    let made = 0
    const produce = async () => ({ value: ++made, expiresAt: time.date(5 * MINUTE) })
    for (let passed = 0; passed < 24 * HOUR; passed += 10_000) {
      await cache.get('k', produce, never)
      time.pass(10_000)
    }
    expect(made).toBe((24 * 60) / 4)
  })

  it('goes on for the others when one gives up, and stops when all have', async () => {
    const cache = createCache<number>({ now: Date.now })
    let finish: (value: number) => void = () => {}
    let stopped = false
    const produce = (signal: AbortSignal) =>
      new Promise<{ value: number; expiresAt: undefined }>((resolve, reject) => {
        finish = (value) => resolve({ value, expiresAt: undefined })
        signal.addEventListener('abort', () => {
          stopped = true
          reject(signal.reason)
        })
      })
    const first = new AbortController()
    const gaveUp = cache.get('k', produce, first.signal)
    const waits = cache.get('k', produce, never)
    first.abort(new Error('gone'))
    await expect(gaveUp).rejects.toThrow('gone')
    expect(stopped).toBe(false)
    finish(7)
    expect(await waits).toBe(7)

    const alone = new AbortController()
    const last = cache.get('other', produce, alone.signal)
    await setImmediate()
    alone.abort(new Error('gone'))
    await expect(last).rejects.toThrow('gone')
    expect(stopped).toBe(true)
  })

  it('waits for another process no longer than it is asked to', async () => {
    const claims = { read: () => undefined, write: () => undefined, claim: async () => undefined }
    const cache = createCache<number>({ now: Date.now, store: claims })
    const caller = new AbortController()
    const waits = cache.get('k', async () => ({ value: 1, expiresAt: undefined }), caller.signal)
    await setImmediate()
    caller.abort(new Error('gone'))
    await expect(waits).rejects.toThrow('gone')
  })

  it('forgets what it is told to, and what was unused for longest', async () => {
    const cache = createCache<number>({ now: Date.now, capacity: 2 })
    let made = 0
    const produce = async () => ({ value: ++made, expiresAt: undefined })
    await cache.get('a', produce, never)
    cache.drop('a', 0)
    expect(await cache.get('a', produce, never)).toBe(1)
    cache.drop('a', 1)
    expect(await cache.get('a', produce, never)).toBe(2)
    await cache.get('b', produce, never)
    await cache.get('a', produce, never)
    await cache.get('c', produce, never)
    expect(await cache.get('a', produce, never)).toBe(2)
    expect(await cache.get('b', produce, never)).toBe(5)
  })
})
