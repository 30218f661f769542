import { uptime } from 'node:os'
import { expect, it } from 'vitest'
import { createUptime } from '../../src/cache/uptime.ts'

it('is looked at ten times a second at the most', () => {
  let time = 5_000
  let looks = 0
  const clock = createUptime(
    () => time,
    () => ++looks,
  )
  const after = (ms: number) => {
    time += ms
    return clock()
  }
  expect([after(0), after(60), after(39), after(1), after(99), after(1)]).toEqual([
    1, 1, 1, 2, 2, 3,
  ])
})

it('is the system’s', () => {
  expect(createUptime()() / 1000).toBeCloseTo(uptime(), 0)
})
