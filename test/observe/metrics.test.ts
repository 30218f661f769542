import { expect, test } from 'vitest'
import { entryFamilies } from '../../src/health/metrics.ts'
import { createMetrics } from '../../src/observe/metrics.ts'
import { createTally } from '../../src/observe/tally.ts'
import { STANDINGS } from '../health/standings.ts'

const lines = (text: string, name: string) =>
  text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))

test('entries: one series for each state, and times in seconds', async () => {
  const metrics = createMetrics(entryFamilies(() => STANDINGS))
  expect(metrics.contentType).toBe('text/plain; version=0.0.4; charset=utf-8')
  const text = metrics.render()
  const ghcr = 'workspace="default",host="ghcr.io",prefix="",name="default"'
  const quay = 'workspace="default",host="quay.io",prefix="acme",name="robot"'
  expect(lines(text, 'purser_entry_state')).toEqual([
    `purser_entry_state{${ghcr},state="valid"} 1`,
    `purser_entry_state{${ghcr},state="expired"} 0`,
    `purser_entry_state{${ghcr},state="refused"} 0`,
    `purser_entry_state{${ghcr},state="unreachable"} 0`,
    `purser_entry_state{${quay},state="valid"} 0`,
    `purser_entry_state{${quay},state="expired"} 0`,
    `purser_entry_state{${quay},state="refused"} 1`,
    `purser_entry_state{${quay},state="unreachable"} 0`,
  ])
  expect(lines(text, 'purser_entry_checked_timestamp_seconds')).toEqual([
    `purser_entry_checked_timestamp_seconds{${ghcr}} 1795248000`,
    `purser_entry_checked_timestamp_seconds{${quay}} 1795248000`,
  ])
  expect(lines(text, 'purser_entry_expires_timestamp_seconds')).toEqual([
    `purser_entry_expires_timestamp_seconds{${ghcr}} 1795251600`,
  ])
  expect(text).not.toContain('canary')
})

test('what is gone is not told of any more', async () => {
  let standings = STANDINGS
  const metrics = createMetrics(entryFamilies(() => standings))
  expect(lines(metrics.render(), 'purser_entry_state')).toHaveLength(8)
  standings = STANDINGS.slice(1)
  expect(lines(metrics.render(), 'purser_entry_state')).toHaveLength(4)
})

test('a tally counts what came before anybody asked, and how often it is asked for changes nothing', async () => {
  const named = { name: 'purser_exchanges_total', help: 'h', labels: ['registry', 'outcome'] }
  const tally = createTally(named)
  tally.count({ registry: 'ecr', outcome: 'made' })
  tally.count({ registry: 'ecr', outcome: 'made' })
  tally.count({ registry: 'gar', outcome: 'refused' })
  const metrics = createMetrics([tally.family])
  metrics.render()
  expect(lines(metrics.render(), 'purser_exchanges_total')).toEqual([
    'purser_exchanges_total{registry="ecr",outcome="made"} 2',
    'purser_exchanges_total{registry="gar",outcome="refused"} 1',
  ])
})

test('a tally is bounded', () => {
  const tally = createTally({ name: 'n_total', help: 'h', labels: ['x'] })
  for (let i = 0; i < 2_000; i++) tally.count({ x: String(i) })
  expect([...tally.family.samples()]).toHaveLength(1_000)
})

test('two registries know nothing of each other', async () => {
  const family = { kind: 'gauge', name: 'purser_up', help: 'h', labels: [] } as const
  const one = createMetrics([{ ...family, samples: () => [{ labels: {}, value: 1 }] }])
  const two = createMetrics([{ ...family, samples: () => [{ labels: {}, value: 2 }] }])
  expect(lines(one.render(), 'purser_up')).toEqual(['purser_up 1'])
  expect(lines(two.render(), 'purser_up')).toEqual(['purser_up 2'])
})

test('each family says what it is, and what stands in a label ends nothing', () => {
  const metrics = createMetrics([
    {
      kind: 'gauge',
      name: 'purser_up',
      help: 'A \\ and a\nline.',
      labels: ['host'],
      samples: () => [
        { labels: { host: 'a"b\\c\nd' }, value: 1.5 },
        { labels: {}, value: Number.POSITIVE_INFINITY },
        { labels: {}, value: Number.NaN },
      ],
    },
    {
      kind: 'histogram',
      name: 'purser_seconds',
      help: 'h',
      labels: ['le'],
      samples: () => [
        { part: 'bucket', labels: { le: '+Inf' }, value: 2 },
        { part: 'sum', labels: {}, value: 0.25 },
        { part: 'count', labels: {}, value: 2 },
      ],
    },
  ])
  expect(metrics.render()).toBe(
    [
      '# HELP purser_up A \\\\ and a\\nline.',
      '# TYPE purser_up gauge',
      'purser_up{host="a\\"b\\\\c\\nd"} 1.5',
      'purser_up +Inf',
      'purser_up NaN',
      '',
      '# HELP purser_seconds h',
      '# TYPE purser_seconds histogram',
      'purser_seconds_bucket{le="+Inf"} 2',
      'purser_seconds_sum 0.25',
      'purser_seconds_count 2',
      '',
    ].join('\n'),
  )
})
