import { createFingerprint } from '../cache/fingerprint.ts'
import { ageOf, beginLife, type Clock, type Lifetime } from '../cache/lifetime.ts'
import { createLru } from '../cache/lru.ts'
import { createSingleFlight } from '../cache/single-flight.ts'
import { codeOf, retryAfterMsOf, statusOf } from '../model/errors.ts'
import type { Login } from '../model/login.ts'
import { Secret } from '../model/secret.ts'
import type { Net } from '../net/net.ts'
import { fetchToken } from './exchange.ts'
import { approveRealm } from './realm.ts'
import { mergeScopes, scopeKey } from './scope.ts'
import { apiUrl, type Upstream } from './upstream.ts'

/** Which token is needed, and where a challenge says that it is to be had. */
export interface BearerQuestion {
  readonly upstream: Upstream
  readonly realm: string
  readonly service: string | undefined
  /** Whose token it is; `undefined` is nobody's. */
  readonly login: Login | undefined
  readonly scopes: readonly string[]
  /** Whether it is for what may take hours: then half of its life must be left. */
  readonly lasting?: boolean
}

/** What is told of a token that was needed. */
export type TokenOutcome = 'hit' | 'fetched' | 'failed'

/** Tokens in memory, each for one upstream, identity, realm, service and set of scopes. */
export interface BearerTokens {
  /** @throws as {@link approveRealm} and {@link fetchToken} do; a failure is not remembered. */
  header(question: BearerQuestion, signal: AbortSignal): Promise<Secret>
  /** Forgets a header that the registry refused; a newer one stays. */
  drop(question: BearerQuestion, header: Secret): void
  /** Takes in the scopes that the registry asked for instead. */
  widen(question: BearerQuestion, scopes: readonly string[]): void
}

/** A token has 2 KiB, and 64 KiB at most: 32 MiB, if a service does its worst. */
const CAPACITY = 512

/** Least and most of a token's life that it is not served for any more; a tenth, in between. */
const MIN_MARGIN_MS = 10_000
const MAX_MARGIN_MS = 60_000

/** What tokens are fetched and judged with. */
export interface BearerOptions {
  readonly net: Pick<Net, 'realm'>
  readonly clock: Clock
  seen(upstream: Upstream, outcome: TokenOutcome): void
}

interface Kept {
  readonly header: Secret
  readonly life: Lifetime
}

/** A service that wants to be left alone for longer is asked all the same: limits are raised. */
const MAX_PAUSE_MS = 60_000

interface Pause {
  readonly error: unknown
  readonly untilUptime: number
}

/** Makes an empty memory of tokens, which fetches what it has not. */
export function createBearerTokens({ net, clock, seen }: BearerOptions): BearerTokens {
  const tokens = createLru<Kept>(CAPACITY)
  const wider = createLru<readonly string[]>(CAPACITY)
  const pauses = createLru<Pause>(CAPACITY)
  const flights = createSingleFlight<Secret>()
  const fingerprint = createFingerprint()

  function keyOf({ upstream, realm, service, login, scopes }: BearerQuestion): string {
    // An identity is its user name and secret: the same login ends another time each time it is made.
    const who = login && fingerprint({ username: login.username, secret: login.secret })
    return JSON.stringify([apiUrl(upstream).origin, who, realm, service, scopeKey(scopes)])
  }

  async function fetch(key: string, question: BearerQuestion, signal: AbortSignal) {
    const { upstream, realm, service, login } = question
    const { bornAt, bornUptime } = beginLife(undefined, clock)
    const { secret, lifeMs } = await fetchToken(
      {
        upstream,
        realm: await approveRealm(upstream, realm),
        service,
        // What the registry asked for goes first: some read the first scope alone.
        scopes: mergeScopes([...(wider.get(key) ?? []), ...question.scopes]),
        login,
      },
      { net, signal },
    )
    const header = new Secret(`Bearer ${secret.reveal()}`)
    tokens.set(key, { header, life: { bornAt, bornUptime, lifeMs } })
    return header
  }

  async function tell(key: string, upstream: Upstream, fetching: Promise<Secret>) {
    try {
      const header = await fetching
      seen(upstream, 'fetched')
      return header
    } catch (error) {
      seen(upstream, 'failed')
      const pauseMs = Math.min(retryAfterMsOf(error) ?? 0, MAX_PAUSE_MS)
      if (pauseMs > 0) pauses.set(key, { error, untilUptime: clock.uptime() + pauseMs })
      throw error
    }
  }

  function renew(key: string, question: BearerQuestion, signal: AbortSignal): Promise<Secret> {
    const pause = pauses.get(key)
    if (pause !== undefined && clock.uptime() < pause.untilUptime)
      return Promise.reject(pause.error)
    return flights.join(
      key,
      (shared) => tell(key, question.upstream, fetch(key, question, shared)),
      signal,
    )
  }

  return {
    async header(question, signal) {
      const key = keyOf(question)
      const { upstream, lasting = false } = question
      const known = tokens.get(key)
      if (known !== undefined && isFresh(known.life, lasting, clock)) {
        seen(upstream, 'hit')
        return known.header
      }
      try {
        return await renew(key, question, signal)
      } catch (error) {
        // It is good as yet, and most uploads are short.
        const isGood = known !== undefined && isFresh(known.life, false, clock)
        if (isGood && isAway(error)) return known.header
        throw error
      }
    },
    drop(question, header) {
      const key = keyOf(question)
      if (tokens.get(key)?.header.equals(header) === true) tokens.delete(key)
    },
    widen(question, scopes) {
      if (scopes.length > 0) wider.set(keyOf(question), mergeScopes(scopes))
    },
  }
}

/**
 * A request that waits in a queue or on a slow line arrives later than it was sent, and clocks drift
 * apart: the registry must still find its token good. It looks once, when the request begins, so a
 * minute is enough for the longest-lived; ten seconds leave most of the shortest's 60 s to use.
 *
 * Some look again at the end, and how long a layer takes nobody knows: half of the life is what is had
 * without a new token for each of a hundred layers.
 *
 * @see https://github.com/containers/image/issues/1907
 */
function isFresh(life: Lifetime, lasting: boolean, clock: Clock): boolean {
  const { lifeMs } = life
  const marginMs = Math.min(Math.max(lifeMs / 10, MIN_MARGIN_MS), MAX_MARGIN_MS)
  return ageOf(life, clock) < lifeMs - (lasting ? Math.max(lifeMs / 2, marginMs) : marginMs)
}

/** Whether a token service could not be asked, or has no time: it says nothing of the login. */
function isAway(error: unknown): boolean {
  return codeOf(error) === 'network' || (statusOf(error) ?? 0) >= 429
}
