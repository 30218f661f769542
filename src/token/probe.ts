import type { Dispatcher } from 'undici'
import { createLru } from '../cache/lru.ts'
import { createSingleFlight } from '../cache/single-flight.ts'
import { PurserError } from '../model/errors.ts'
import { adviceOn } from '../net/advice.ts'
import { describeRequest } from '../net/exchange.ts'
import type { Net } from '../net/net.ts'
import { send } from '../net/persistence.ts'
import { retryAfterMs } from '../net/retry-after.ts'
import { type Challenge, parseChallenges } from './challenge.ts'
import { apiUrl, type Upstream } from './upstream.ts'

/** How a registry wants to be logged in to. */
export type Scheme =
  | { readonly kind: 'none' }
  | { readonly kind: 'basic' }
  | { readonly kind: 'bearer'; readonly realm: string; readonly service: string | undefined }

/** Finds out how registries want to be logged in to, and remembers. */
export interface Probe {
  schemeOf(upstream: Upstream, signal: AbortSignal): Promise<Scheme>
  /** What is remembered; nobody is asked. */
  known(upstream: Upstream): Scheme | undefined
  /** Takes in the challenges of a 401 that answered what had been asked for. */
  learn(upstream: Upstream, challenges: readonly Challenge[]): void
}

/** A registry that changes how it is logged in to does so once in years. */
const REMEMBERED_MS = 60 * 60_000

/** An operator has some dozens of registries. */
const CAPACITY = 1_000

/** As long as a token service is given. */
const TIMEOUT_MS = 30_000

interface Memory {
  readonly scheme: Scheme
  readonly until: number
}

/** How registries are reached, and by which clock they are remembered. */
export interface ProbeOptions {
  readonly net: Pick<Net, 'upstream'>
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/**
 * Makes a probe that has asked nobody yet.
 *
 * @see https://distribution.github.io/distribution/spec/api/#api-version-check
 */
export function createProbe({ net, now }: ProbeOptions): Probe {
  const memories = createLru<Memory>(CAPACITY)
  const flights = createSingleFlight<Scheme>()

  function remember(key: string, scheme: Scheme): Scheme {
    memories.set(key, { scheme, until: now() + REMEMBERED_MS })
    return scheme
  }

  function recall(key: string): Scheme | undefined {
    const memory = memories.get(key)
    return memory !== undefined && now() < memory.until ? memory.scheme : undefined
  }

  return {
    known: (upstream) => recall(apiUrl(upstream).href),
    async schemeOf(upstream, signal) {
      const url = apiUrl(upstream)
      const known = recall(url.href)
      if (known !== undefined) return known
      return flights.join(
        url.href,
        async (shared) => remember(url.href, await ask(net.upstream, url, shared)),
        signal,
      )
    },
    learn(upstream, challenges) {
      // NGC names another realm for a token that has expired; the first one is the one to go to.
      if (challenges.some(({ params }) => params.get('error') === 'invalid_token')) return
      const key = apiUrl(upstream).href
      const scheme = choose(challenges)
      if (scheme !== undefined) remember(key, scheme)
      // It asked for nothing and now refuses nothing: it has to be asked again.
      else if (recall(key)?.kind === 'none') memories.delete(key)
    },
  }
}

async function ask(dispatcher: Dispatcher, url: URL, signal: AbortSignal): Promise<Scheme> {
  const what = describeRequest({ method: 'GET', url })
  const timeout = AbortSignal.timeout(TIMEOUT_MS)
  const request = { origin: url.origin, path: url.pathname, method: 'GET' } as const
  const answer = await send(dispatcher, {
    ...request,
    signal: AbortSignal.any([signal, timeout]),
  }).catch((error: unknown) => {
    signal.throwIfAborted()
    if (error instanceof PurserError) throw error
    const cause: unknown = timeout.aborted ? timeout.reason : error
    throw new PurserError('network', what, { cause, hint: adviceOn(cause) })
  })
  // The header says it all; the connection is kept if the rest is short.
  answer.body.dump({ limit: 16 * 1024 }).catch(() => undefined)
  if (answer.statusCode === 200) return { kind: 'none' }
  const scheme =
    answer.statusCode === 401
      ? choose(parseChallenges([answer.headers['www-authenticate'] ?? []].flat()))
      : undefined
  if (scheme !== undefined) return scheme
  throw new PurserError('upstream-refused', `${what}: status ${answer.statusCode}`, {
    status: answer.statusCode,
    retryAfterMs: retryAfterMs(answer.headers),
    hint: `see whether there is a registry at ${url.origin}`,
  })
}

/** Bearer before Basic: a token is worth less to whoever reads it than a password. */
function choose(challenges: readonly Challenge[]): Scheme | undefined {
  for (const { scheme, params } of challenges) {
    const realm = params.get('realm')
    if (scheme === 'bearer' && realm !== undefined) {
      return { kind: 'bearer', realm, service: params.get('service') }
    }
  }
  return challenges.some(({ scheme }) => scheme === 'basic') ? { kind: 'basic' } : undefined
}
