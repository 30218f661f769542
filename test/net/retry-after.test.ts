import { expect, test } from 'vitest'
import { retryAfterMs } from '../../src/net/retry-after.ts'

const DATE = 'Sat, 21 Nov 2026 11:00:00 GMT'

test.each([
  { after: '7', ms: 7_000 },
  { after: '0', ms: 0 },
  { after: '999999999', ms: 24 * 60 * 60_000 },
  { after: 'Sat, 21 Nov 2026 11:00:07 GMT', ms: 7_000 },
  { after: 'Sat, 21 Nov 2026 10:00:00 GMT', ms: undefined },
  { after: '-1', ms: undefined },
  { after: 'soon', ms: undefined },
  { after: '', ms: undefined },
  { after: undefined, ms: undefined },
])('$after: $ms', ({ after, ms }) => {
  expect(retryAfterMs({ ...(after !== undefined && { 'retry-after': after }), date: DATE })).toBe(
    ms,
  )
})

test('a date without a date to count from says nothing', () => {
  expect(retryAfterMs({ 'retry-after': DATE })).toBeUndefined()
})
