import { describe, expect, it } from 'vitest'
import { createSingleFlight } from '../../src/cache/single-flight.ts'

const never = new AbortController().signal

describe('a single flight', () => {
  it('fetches once for all who ask meanwhile, and anew for the next', async () => {
    const flights = createSingleFlight<number>()
    let fetched = 0
    const fetch = async () => ++fetched
    const together = Array.from({ length: 100 }, () => flights.join('k', fetch, never))
    expect(new Set(await Promise.all(together))).toEqual(new Set([1]))
    expect(await flights.join('k', fetch, never)).toBe(2)
  })

  it('keeps flights of different keys apart', async () => {
    const flights = createSingleFlight<string>()
    const both = ['a', 'b'].map((key) => flights.join(key, async () => key, never))
    expect(await Promise.all(both)).toEqual(['a', 'b'])
  })

  it('aborts a fetch that nobody waits for any more, and starts anew for the next', async () => {
    const flights = createSingleFlight<string>()
    const caller = new AbortController()
    let shared: AbortSignal | undefined
    const first = flights.join(
      'k',
      (signal) => {
        shared = signal
        return new Promise(() => undefined)
      },
      caller.signal,
    )
    caller.abort(new Error('gone'))
    await expect(first).rejects.toThrow('gone')
    expect(shared?.aborted).toBe(true)
    expect(await flights.join('k', async () => 'second', never)).toBe('second')
  })

  it('does not abort one that has landed: it may still be tidying up', async () => {
    const flights = createSingleFlight<number>()
    let shared: AbortSignal | undefined
    await flights.join(
      'k',
      async (signal) => {
        shared = signal
        return 1
      },
      never,
    )
    expect(shared?.aborted).toBe(false)
  })

  it('fetches nothing for one who has given up already', async () => {
    const flights = createSingleFlight<number>()
    let fetched = 0
    const gone = AbortSignal.abort(new Error('gone'))
    await expect(flights.join('k', async () => ++fetched, gone)).rejects.toThrow('gone')
    expect(fetched).toBe(0)
  })
})
