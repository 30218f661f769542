import { expect, test } from 'vitest'
import { createRateLimits } from '../../src/observe/rate-limits.ts'

const AT = Date.UTC(2026, 10, 21)
const HOUR_MS = 60 * 60_000

function set(at = AT) {
  const clock = { now: at }
  const limits = createRateLimits({ now: () => clock.now })
  return { clock, limits }
}

const HUB = {
  'ratelimit-limit': '100;w=21600',
  'ratelimit-remaining': '76;w=21600',
  'docker-ratelimit-source': '192.0.2.7',
}

test('tells what Docker Hub told last', () => {
  const { limits } = set()
  limits.see('docker.io', 200, { ...HUB, 'ratelimit-remaining': '77;w=21600' })
  limits.see('docker.io', 200, HUB)
  expect(limits.list()).toEqual([
    {
      host: 'docker.io',
      limit: 100,
      remaining: 76,
      windowSeconds: 21_600,
      source: '192.0.2.7',
      retryAt: undefined,
      seenAt: new Date(AT),
    },
  ])
})

test.each([
  { name: 'seconds', text: '60', ms: 60_000 },
  { name: 'a date', text: 'Sat, 21 Nov 2026 00:05:00 GMT', ms: 300_000 },
  { name: 'seconds since the epoch', text: String(AT / 1_000 + 90), ms: 90_000 },
  { name: 'a time that is over', text: 'Sat, 21 Nov 2020 00:00:00 GMT', ms: 0 },
  { name: 'a year', text: '31536000', ms: 24 * HOUR_MS },
])('a 429 that wants to be asked again after $name', ({ text, ms }) => {
  const { limits } = set()
  limits.see('docker.io', 429, { 'retry-after': text })
  expect(limits.list()).toMatchObject([{ remaining: 0, retryAt: new Date(AT + ms) }])
})

test.each([
  { name: 'nothing', headers: {} },
  { name: 'a limit without what is left', headers: { 'ratelimit-limit': '100;w=21600' } },
])('an answer that tells $name is none of a limit', ({ headers }) => {
  const { limits } = set()
  limits.see('ghcr.io', 200, headers)
  expect(limits.list()).toEqual([])
})

test.each([
  { name: 'words', headers: { 'ratelimit-remaining': 'plenty' } },
  { name: 'what is no source', headers: { ...HUB, 'docker-ratelimit-source': '"\u001b[2J' } },
  { name: 'a number too many', headers: { 'ratelimit-remaining': '9'.repeat(100) } },
])('$name are not repeated', ({ headers }) => {
  const { limits } = set()
  limits.see('docker.io', 429, { ...headers, 'retry-after': 'soon' })
  const [seen] = limits.list()
  expect(JSON.stringify(seen)).not.toMatch(/plenty|soon|\\u001b|9{10}/)
})

test('ends with its window', () => {
  const { limits, clock } = set()
  limits.see('docker.io', 200, HUB)
  limits.see('quay.io', 429, {})
  clock.now = AT + 6 * HOUR_MS - 1
  expect(limits.list().map(({ host }) => host)).toEqual(['docker.io', 'quay.io'])
  clock.now = AT + 6 * HOUR_MS
  expect(limits.list()).toEqual([])
})

test('keeps no more than a thousand', () => {
  const { limits } = set()
  for (let i = 0; i < 1_001; i++) limits.see(`host-${i}.example`, 429, {})
  expect(limits.list()).toHaveLength(1_000)
})
