import { describe, expect, it } from 'vitest'
import { type Cache, createCache } from '../../src/cache/cache.ts'
import { PurserError } from '../../src/model/errors.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const never = new AbortController().signal

/** A cache of numbers that live for an hour: 1, 2, … unless making one fails. */
function harness() {
  let at = 1_800_000_000_000
  let made = 0
  let failure: unknown
  const cache: Cache<number | undefined> = createCache({ now: () => at })
  const produce = async () => {
    made++
    if (failure !== undefined) throw failure
    return { value: made, expiresAt: new Date(at + HOUR) }
  }
  return {
    cache,
    made: () => made,
    now: () => at,
    get: () => cache.get('k', produce, never),
    renew: () => cache.renew('k', produce, never),
    withLeft: (share: number) => cache.renew('k', produce, never, (lifeMs) => lifeMs * share),
    pass: (ms: number) => {
      at += ms
    },
    fail: (error: unknown) => {
      failure = error
    },
  }
}

describe('a renewal', () => {
  it('makes nothing anew before the last part of life', async () => {
    const { get, renew, pass, made } = harness()
    await get()
    pass(40 * MINUTE)
    expect(await renew()).toBe(1)
    expect(made()).toBe(1)
  })

  it('makes a good value anew in the last part of life, once for all who ask', async () => {
    const { get, renew, pass, made } = harness()
    await get()
    pass(45 * MINUTE)
    expect(await Promise.all([renew(), renew(), get()])).toEqual([2, 2, 1])
    expect(await get()).toBe(2)
    expect(made()).toBe(2)
  })

  it.each([
    ['nobody answers', new PurserError('network', 'no answer')],
    [
      'too many questions were asked',
      new PurserError('exchange-failed', 'throttled', { status: 429 }),
    ],
    ['the cloud is in trouble', new PurserError('exchange-failed', 'sorry', { status: 503 })],
    ['something is broken', new TypeError('x is not a function')],
  ])('leaves the value until its margin, and no longer, if %s', async (_, error) => {
    const { get, renew, pass, fail } = harness()
    await get()
    pass(45 * MINUTE)
    fail(error)
    await expect(renew()).rejects.toBe(error)
    expect(await get()).toBe(1)
    pass(9 * MINUTE - 1)
    expect(await get()).toBe(1)
    pass(1)
    await expect(get()).rejects.toBe(error)
  })

  it.each([
    new PurserError('exchange-failed', 'refused', { status: 403 }),
    new PurserError('credential-expired', 'the session has ended', { status: 400 }),
    new PurserError('credential-unsupported', 'not here'),
    new PurserError('policy', 'not there'),
  ])('drops the value at once after a refusal: $code', async (error) => {
    const { get, renew, pass, fail } = harness()
    await get()
    pass(45 * MINUTE)
    fail(error)
    await expect(renew()).rejects.toBe(error)
    await expect(get()).rejects.toBe(error)
  })

  it('tells when it is to come', async () => {
    const { cache, get, now, pass } = harness()
    const bornAt = now()
    const value = await get()
    pass(10 * MINUTE)
    expect(cache.schedule('k', value)).toEqual({
      dueAt: bornAt + 40.5 * MINUTE,
      servedUntil: bornAt + 54 * MINUTE,
    })
    expect(cache.schedule('k', 7)).toBeUndefined()
    cache.drop('k', value)
    expect(cache.schedule('k', value)).toBeUndefined()
  })
})

describe('a miss', () => {
  it('is kept as any other value', async () => {
    const { cache, now, pass } = harness()
    let asked = 0
    const produce = async () => {
      asked++
      return { value: undefined, expiresAt: new Date(now() + 10 * MINUTE) }
    }
    const ask = () => cache.get('miss', produce, never)
    expect([await ask(), await ask()]).toEqual([undefined, undefined])
    pass(9 * MINUTE - 1)
    await ask()
    expect(asked).toBe(1)
    pass(1)
    await ask()
    expect(asked).toBe(2)
  })
})

it('hands out nothing that had ended when it came', async () => {
  const { cache, now } = harness()
  const produce = async () => ({ value: 1, expiresAt: new Date(now()) })
  await expect(cache.get('k', produce, never)).rejects.toMatchObject({
    code: 'exchange-failed',
    message: 'what was given in exchange had ended already',
    hint: 'set the clock of this machine right',
  })
})

describe('a value that is to have so much of its life left', () => {
  it.each([
    // [share, age in minutes, made anew?]
    [0.5, 30, false],
    [0.5, 31, true],
    [0.25, 44, false],
    [0.25, 46, true],
    // More than all of it would be made anew each time.
    [2, 6, false],
    [2, 7, true],
    // In the margin nothing is served, whatever was asked.
    [0, 53, false],
    [0, 54, true],
  ])('%d of it, at %d min: %s', async (share, age, anew) => {
    const { get, withLeft, pass } = harness()
    await get()
    pass(age * MINUTE)
    expect(await withLeft(share)).toBe(anew ? 2 : 1)
  })

  it('is made once for all who ask', async () => {
    const { get, withLeft, renew, pass, made } = harness()
    await get()
    pass(35 * MINUTE)
    const values = await Promise.all([renew(), withLeft(0.5), withLeft(0.5), withLeft(0.1)])
    expect(values).toEqual([1, 2, 2, 1])
    expect(made()).toBe(2)
  })

  it('is not another one although it could not be made', async () => {
    const { get, withLeft, pass, fail } = harness()
    await get()
    pass(31 * MINUTE)
    fail(new PurserError('network', 'no answer'))
    await expect(withLeft(0.5)).rejects.toThrow('no answer')
    expect(await get()).toBe(1)
  })
})
