import type { Family, Sample } from '../observe/family.ts'
import type { Route } from './route.ts'

/** Counts what passes. */
export interface Traffic {
  /** A request has come in; to be called when it has ended. */
  begin(): () => void
  /** A request of a route has ended. */
  count(route: Route, end: Ended): void
  /** A registry or its store has begun to answer. */
  answered(route: Route, ms: number): void
  /** Where a blob lies was known, was asked for, or turned out to be no longer so. */
  redirected(route: Route, outcome: 'hit' | 'missed' | 'rejected'): void
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
  const first = 'first_byte_seconds'
  const help = 'From the request to the first byte of the answer.'
  const buckets = counter(`${first}_bucket`, help, ['host', 'le'])
  const sum = counter(`${first}_sum`, help, ['host'])
  const count = counter(`${first}_count`, help, ['host'])

  return {
    begin() {
      inFlight++
      return () => {
        inFlight--
      }
    },
    count({ upstream, method, kind, action }, ended) {
      const { name } = upstream.host
      requests.add([name, method, kind, String(ended.status)], 1)
      bytes.add([name, action === 'push' ? 'up' : 'down'], ended.bytes)
      if (ended.broken && action === 'push') aborted.add([name], 1)
    },
    answered({ upstream }, ms) {
      const { name } = upstream.host
      for (const limit of BUCKETS) if (ms <= limit * 1_000) buckets.add([name, String(limit)], 1)
      buckets.add([name, '+Inf'], 1)
      sum.add([name], ms / 1_000)
      count.add([name], 1)
    },
    redirected: ({ upstream }, outcome) => redirects.add([upstream.host.name, outcome], 1),
    families: [
      ...[requests, bytes, aborted, redirects, buckets, sum, count].map(({ family }) => family),
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
