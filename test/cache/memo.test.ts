import { describe, expect, it } from 'vitest'
import { createMemo } from '../../src/cache/memo.ts'

function harness({ capacity = 10 } = {}) {
  let at = 1_800_000_000_000
  let asked = 0
  const marks = { mark: 'a', looks: 0 }
  const memo = createMemo<number>({
    ...{ now: () => at, ttlMs: 1_000, capacity },
    mark() {
      marks.looks++
      return marks.mark
    },
  })
  return {
    memo,
    marks,
    pass: (ms: number) => {
      at += ms
    },
    ask: (key: string) => memo.get(key, async () => ++asked),
  }
}

describe('a memo', () => {
  it('asks once for all who ask meanwhile, and then answers at once', async () => {
    const { ask } = harness()
    expect(await Promise.all([ask('k'), ask('k'), ask('k')])).toEqual([1, 1, 1])
    expect(ask('k')).toBe(1)
  })

  it.each([
    ['just before its time is over', 999, 1],
    ['when its time is over', 1_000, 2],
    ['after the clock was set back', -1, 2],
  ])('%s', async (_, ms, expected) => {
    const { ask, pass } = harness()
    await ask('k')
    pass(ms)
    expect(await ask('k')).toBe(expected)
  })

  it('keeps no failure', async () => {
    const { memo, ask } = harness()
    await expect(memo.get('k', () => Promise.reject(new Error('refused')))).rejects.toThrow()
    expect(await ask('k')).toBe(1)
  })

  it('forgets an answer that is still this one, and no newer', async () => {
    const { memo, ask } = harness()
    await ask('k')
    memo.drop('k', 7)
    expect(ask('k')).toBe(1)
    memo.drop('k', 1)
    expect(await ask('k')).toBe(2)
  })

  it('forgets what was unused for longest', async () => {
    const { ask } = harness({ capacity: 2 })
    await ask('a')
    await ask('b')
    await ask('a')
    await ask('c')
    expect(ask('a')).toBe(1)
    expect(await ask('b')).toBe(4)
  })

  it('gives no answer of before its mark changed, to which it looks from time to time', async () => {
    const { ask, pass, marks } = harness()
    await ask('k')
    for (let i = 0; i < 9; i++) {
      expect(ask('k')).toBe(1)
      pass(1)
    }
    expect(marks.looks).toBe(1)
    marks.mark = 'b'
    pass(1)
    expect(await ask('k')).toBe(2)
    pass(10)
    expect(ask('k')).toBe(2)
    // Nor after the clock was set back.
    marks.mark = 'c'
    pass(-100_000)
    expect(await ask('k')).toBe(3)
  })

  it('nor one that was asked for before that', async () => {
    const { memo, pass, marks } = harness()
    const old = Promise.withResolvers<number>()
    const first = memo.get('k', () => old.promise)
    marks.mark = 'b'
    pass(10)
    const second = memo.get('k', async () => 2)
    old.resolve(1)
    expect(await Promise.all([first, second])).toEqual([1, 2])
    expect(memo.get('k', async () => 3)).toBe(2)
  })
})
