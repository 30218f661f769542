/** How much of a registry's patience is left, as its last answer told. */
export interface RateLimit {
  /** The registry's host. */
  readonly host: string
  /** How many pulls it allows in the window; `undefined` if it does not tell. */
  readonly limit: number | undefined
  /** How many are left. */
  readonly remaining: number | undefined
  /** In seconds. */
  readonly windowSeconds: number | undefined
  /** Whose pulls it counts: an address or an account's id, as Docker Hub tells. */
  readonly source: string | undefined
  /** When it wants to be asked again, after a 429. */
  readonly retryAt: Date | undefined
  readonly seenAt: Date
}

/** What registries tell of their limits, the last word of each. */
export interface RateLimits {
  see(host: string, status: number, headers: ResponseHeaders): void
  /** By host; what a registry told longer ago than its own window counts no more. */
  list(): readonly RateLimit[]
}

type ResponseHeaders = Readonly<Record<string, string | readonly string[] | undefined>>

/** An operator has some dozens of registries. */
const CAPACITY = 1_000
/** Docker Hub's is 6 h; what tells no window is believed for one of the same length. */
const DEFAULT_WINDOW_S = 6 * 60 * 60
/** No registry sends its clients away for longer. */
const MAX_WINDOW_S = 24 * 60 * 60

/**
 * `100;w=21600`: so many, in a window of so many seconds.
 *
 * @see https://docs.docker.com/docker-hub/usage/pulls/#view-pull-rate-and-limit
 */
const AMOUNT = /^\s*([0-9]{1,9})\s*(?:;\s*w=([0-9]{1,9}))?/
/** An IPv4 or IPv6 address, or a UUID. */
const SOURCE = /^[0-9a-fA-F.:-]{1,64}$/

/** Makes a memory of limits that has seen none. */
export function createRateLimits({ now }: { readonly now: () => number }): RateLimits {
  const hosts = new Map<string, RateLimit>()

  function isCurrent({ seenAt, windowSeconds, retryAt }: RateLimit): boolean {
    const until = seenAt.getTime() + (windowSeconds ?? DEFAULT_WINDOW_S) * 1_000
    return now() < Math.max(until, retryAt?.getTime() ?? 0)
  }

  return {
    see(host, status, headers) {
      if (status !== 429 && headers['ratelimit-remaining'] === undefined) return
      hosts.set(host, read(host, status, headers, now()))
      const [oldest] = hosts.keys()
      if (hosts.size > CAPACITY && oldest !== undefined) hosts.delete(oldest)
    },
    list: () => [...hosts.values()].filter(isCurrent).sort((a, b) => (a.host < b.host ? -1 : 1)),
  }
}

function read(host: string, status: number, headers: ResponseHeaders, now: number): RateLimit {
  const limit = amount(headers, 'ratelimit-limit')
  const remaining = amount(headers, 'ratelimit-remaining')
  const source = first(headers, 'docker-ratelimit-source')
  return {
    host,
    limit: limit?.count,
    // Who is sent away has none left, whatever was said before.
    remaining: remaining?.count ?? (status === 429 ? 0 : undefined),
    windowSeconds: remaining?.windowSeconds ?? limit?.windowSeconds,
    source: source !== undefined && SOURCE.test(source) ? source : undefined,
    retryAt: status === 429 ? retryAtIn(headers, now) : undefined,
    seenAt: new Date(now),
  }
}

function amount(headers: ResponseHeaders, name: string) {
  const [, count, window] = AMOUNT.exec(first(headers, name) ?? '') ?? []
  if (count === undefined) return undefined
  const windowSeconds = window === undefined ? undefined : Math.min(Number(window), MAX_WINDOW_S)
  return { count: Number(count), windowSeconds }
}

/**
 * When a server wants to be asked again; `undefined` if it does not say.
 *
 * Seconds or a date; Docker's own documentation once said that it is the seconds since the epoch.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
 * @see https://github.com/docker/hub-feedback/issues/2459
 */
export function retryAtIn(headers: ResponseHeaders, now: number): Date | undefined {
  const text = first(headers, 'retry-after')
  if (text === undefined) return undefined
  const number = /^[0-9]{1,10}$/.test(text) ? Number(text) : undefined
  const at = number === undefined ? Date.parse(text) : atSeconds(number, now)
  if (Number.isNaN(at)) return undefined
  return new Date(Math.min(Math.max(at, now), now + MAX_WINDOW_S * 1_000))
}

function atSeconds(seconds: number, now: number): number {
  // As a delay it would be decades.
  return seconds > 1_000_000_000 ? seconds * 1_000 : now + seconds * 1_000
}

function first(headers: ResponseHeaders, name: string): string | undefined {
  const value = headers[name]
  return typeof value === 'string' || value === undefined ? value : value[0]
}
