import type { Renewal } from '../agent/renewal.ts'
import { type LeaseOutlook, leaseFamilies } from '../health/lease-outlook.ts'
import { entryFamilies } from '../health/metrics.ts'
import { composeStatus, type Status, type StatusParts } from '../health/status.ts'
import { type Family, type Sample, secondsOf } from '../observe/family.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { RateLimit, RateLimits } from '../observe/rate-limits.ts'
import { createTally, type Tally } from '../observe/tally.ts'
import type { LocalAnswer } from '../proxy/local.ts'
import type { Traffic } from '../proxy/traffic.ts'
import type { Health } from './health.ts'

/** What a server can tell of itself while it runs. */
export interface Observation {
  readonly version: string
  readonly renewal: Renewal
  readonly rateLimits: RateLimits
  readonly traffic: Traffic
  readonly exchanges: Tally
  /** `undefined` if nothing is watched, or not yet. */
  health(): Health | undefined
  /** Empty where there are none. */
  leases(): readonly LeaseOutlook[]
}

/** Makes the count of what clouds are asked, by registry and outcome. */
export function createExchangeTally(): Tally {
  return createTally({
    name: 'purser_exchanges_total',
    help: 'Questions to a cloud for a login, by kind of registry and by what came of them.',
    labels: ['registry', 'outcome'],
  })
}

/** What `GET /v1/status` answers. */
export function tellStatus(
  { version, renewal, rateLimits, health, leases }: Observation,
  place: Pick<StatusParts, 'pid' | 'workspace' | 'listening' | 'startedAt'>,
): Status {
  const watched = health()
  return composeStatus({
    ...place,
    version,
    logins: renewal.stats(),
    intervalMs: watched?.intervalMs,
    standings: watched?.standings() ?? [],
    rateLimits: rateLimits.list(),
    leases: leases(),
  })
}

/** What `GET /metrics` answers; nothing that it needs is loaded before somebody asks. */
export function openMetrics(observation: Observation): () => Promise<LocalAnswer> {
  let metrics: Promise<Metrics> | undefined
  const load = async () => {
    const { createMetrics } = await import('../observe/metrics.ts')
    return createMetrics(familiesOf(observation))
  }
  return async () => {
    metrics ??= load()
    const { contentType, render } = await metrics
    return { kind: 'local', type: contentType, body: render() }
  }
}

function familiesOf({
  version,
  renewal,
  rateLimits,
  traffic,
  exchanges,
  health,
  leases,
}: Observation): readonly Family[] {
  const limits = (read: (limit: RateLimit) => number | undefined) => () =>
    rateLimits.list().flatMap((limit) => {
      const value = read(limit)
      return value === undefined ? [] : [{ labels: { host: limit.host }, value }]
    })
  return [
    gauge('purser_build_info', 'The version that runs: always 1.', ['version'], () => [
      { labels: { version }, value: 1 },
    ]),
    exchanges.family,
    ...traffic.families,
    gauge('purser_cache_logins', 'Logins of a cloud that are kept.', [], () => [
      { labels: {}, value: renewal.stats().kept },
    ]),
    gauge(
      'purser_cache_next_expiry_timestamp_seconds',
      'When the first of the logins that are kept ends, since the epoch; absent if none does.',
      [],
      () => {
        const { nextExpiry } = renewal.stats()
        return nextExpiry === undefined ? [] : [{ labels: {}, value: secondsOf(nextExpiry) }]
      },
    ),
    {
      kind: 'counter',
      name: 'purser_cache_renewals_total',
      help: 'Logins that were to be renewed ahead of their end, by what came of it.',
      labels: ['outcome'],
      samples: () => {
        const { renewed, failed } = renewal.stats()
        return [
          { labels: { outcome: 'renewed' }, value: renewed },
          { labels: { outcome: 'failed' }, value: failed },
        ]
      },
    },
    gauge(
      'purser_upstream_rate_limit_pulls',
      'How many pulls a registry allows in its window, as it last told.',
      ['host'],
      limits(({ limit }) => limit),
    ),
    gauge(
      'purser_upstream_rate_limit_remaining_pulls',
      'How many of them are left, as it last told.',
      ['host'],
      limits(({ remaining }) => remaining),
    ),
    ...entryFamilies(() => health()?.standings() ?? []),
    ...leaseFamilies(leases),
  ]
}

function gauge(
  name: string,
  help: string,
  labels: readonly string[],
  samples: () => readonly Sample[],
): Family {
  return { kind: 'gauge', name, help, labels, samples }
}
