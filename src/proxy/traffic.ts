import type { Family, Sample } from '../observe/family.ts'
import type { Route } from './route.ts'

/** Counts what passes. */
export interface Traffic {
  /** A request has come in. */
  begin(): void
  /** It is over, whatever came of it. */
  end(): void
  /** What came of one that had a route. */
  count(route: Route, end: Ended): void
  /** A registry or its store has begun to answer. */
  answered(route: Route, ms: number): void
  /** Where a blob lies was known, was asked for, or turned out to be no longer so. */
  redirected(route: Route, outcome: 'hit' | 'missed' | 'rejected'): void
  /** A request needed a token of this host, which was there or was asked for. */
  token(host: string, outcome: 'hit' | 'fetched' | 'failed'): void
  readonly families: readonly Family[]
}

/** How a request has ended. */
export interface Ended {
  /** 0 if the client got none. */
  readonly status: number
  /** Of the bodies, both ways. */
  readonly bytes: number
  readonly broken: boolean
}

interface Counter {
  add(labels: readonly string[], amount: number): void
  readonly family: Family
}

/** More than all combinations that there are: dozens of hosts, seven methods, six kinds, ten codes. */
const CAPACITY = 10_000

/** From what a memory answers to what a client waits for at most, in seconds. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/** Makes counts at zero; each costs an addition, thousands of times a second. */
export function createTraffic(): Traffic {
  let inFlight = 0
  const requests = counter('requests_total', 'Requests, by what came of them.', [
    ...['host', 'method', 'kind', 'code'],
  ])
  const bytes = counter('bytes_total', 'Bytes of bodies that have passed.', ['host', 'direction'])
  const aborted = counter('uploads_aborted_total', 'Pushes that broke off half-way.', ['host'])
  const redirects = counter('redirects_total', 'Reads of blobs that lie in a store.', [
    ...['host', 'outcome'],
  ])
  const tokens = counter('tokens_total', 'Tokens that requests needed.', ['host', 'outcome'])
  const first = createHistogram('first_byte_seconds', 'From the request to the first byte.')

  return {
    begin() {
      inFlight++
    },
    end() {
      inFlight--
    },
    count({ upstream, method, kind, action }, ended) {
      const { name } = upstream.host
      requests.add([name, method, kind, String(ended.status)], 1)
      bytes.add([name, action === 'push' ? 'up' : 'down'], ended.bytes)
      if (ended.broken && action === 'push') aborted.add([name], 1)
    },
    answered: ({ upstream }, ms) => first.observe(upstream.host.name, ms / 1_000),
    redirected: ({ upstream }, outcome) => redirects.add([upstream.host.name, outcome], 1),
    token: (host, outcome) => tokens.add([host, outcome], 1),
    families: [
      ...[requests, bytes, aborted, redirects, tokens].map(({ family }) => family),
      first.family,
      {
        kind: 'gauge',
        name: 'purser_proxy_in_flight_requests',
        help: 'Requests that have come in and not ended.',
        labels: [],
        samples: () => [{ labels: {}, value: inFlight }],
      },
    ],
  }
}

/** Times by host, one addition each; Prometheus' own sums are made when it asks. */
function createHistogram(name: string, help: string) {
  const hosts = new Map<string, { readonly counts: number[]; sum: number; count: number }>()

  function timesOf(host: string) {
    const known = hosts.get(host)
    if (known !== undefined) return known
    const made = { counts: BUCKETS.map(() => 0), sum: 0, count: 0 }
    if (hosts.size < CAPACITY) hosts.set(host, made)
    return made
  }

  function* samples(): Iterable<Sample> {
    for (const [host, { counts, sum, count }] of hosts) {
      let below = 0
      for (const [index, limit] of BUCKETS.entries()) {
        below += counts[index] ?? 0
        yield { part: 'bucket', labels: { host, le: String(limit) }, value: below }
      }
      yield { part: 'bucket', labels: { host, le: '+Inf' }, value: count }
      yield { part: 'sum', labels: { host }, value: sum }
      yield { part: 'count', labels: { host }, value: count }
    }
  }

  const family: Family = {
    kind: 'histogram',
    name: `purser_proxy_${name}`,
    help,
    labels: ['host', 'le'],
    samples,
  }

  return {
    observe(host: string, seconds: number): void {
      const times = timesOf(host)
      const index = BUCKETS.findIndex((limit) => seconds <= limit)
      if (index !== -1) times.counts[index] = (times.counts[index] ?? 0) + 1
      times.sum += seconds
      times.count++
    },
    family,
  }
}

function counter(name: string, help: string, labels: readonly string[]): Counter {
  const values = new Map<string, { readonly of: readonly string[]; value: number }>()
  function* samples(): Iterable<Sample> {
    for (const { of, value } of values.values()) {
      yield { labels: Object.fromEntries(labels.map((label, i) => [label, of[i] ?? ''])), value }
    }
  }
  return {
    add(of, amount) {
      // No value of a label has a space.
      const key = of.join(' ')
      const known = values.get(key)
      if (known !== undefined) known.value += amount
      else if (values.size < CAPACITY) values.set(key, { of, value: amount })
    },
    family: { kind: 'counter', name: `purser_proxy_${name}`, help, labels, samples },
  }
}
