import { createFingerprint } from '../cache/fingerprint.ts'
import { createLru } from '../cache/lru.ts'
import { createSingleFlight } from '../cache/single-flight.ts'
import { type UpstreamConfig, upstreamOf } from '../config/config.ts'
import { needsExchange } from '../model/credential.ts'
import { PurserError } from '../model/errors.ts'
import type { Login } from '../model/login.ts'
import { DEFAULT_WORKSPACE } from '../model/target.ts'
import type { Net } from '../net/net.ts'
import { registryOf } from '../registries/all.ts'
import type { Registry } from '../registries/registry.ts'
import { placeOf } from '../vault/vault.ts'
import { enter } from './enter.ts'
import { describeSubject, type Subject } from './subject.ts'
import { type Verdict, verdictOn } from './verdict.ts'

/** Logs in for real. */
export interface Checker {
  /** @throws the signal's reason if it is aborted, and nothing else: a fault is a verdict */
  check(subject: Subject, signal: AbortSignal): Promise<Verdict>
}

/** What entries are checked with. */
export interface CheckerOptions {
  readonly registries: readonly Registry[]
  /** How registries are reached that are not reached as all others. */
  readonly upstreams: readonly UpstreamConfig[]
  net(): Promise<Pick<Net, 'upstream' | 'realm'>>
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** How long one entry may take, exchange and registry together. Default: 30 s. */
  readonly timeoutMs?: number
}

/** As long as docker waits for either of the two. */
const TIMEOUT_MS = 30_000

/**
 * How long what a cloud answered holds for the other entries of the same identity, and for the next
 * check: an identity is exchanged 12 times an hour at most, however often it is checked.
 */
const EXCHANGE_HOLDS_MS = 5 * 60_000
/** More identities than anybody has. */
const CAPACITY = 1_000

type Outcome = { readonly login: Login | undefined } | { readonly error: unknown }

/** Makes what checks entries, each by the way that a client's question for it would take. */
export function createChecker(options: CheckerOptions): Checker {
  const { registries, upstreams, net, now, timeoutMs = TIMEOUT_MS } = options
  const fingerprint = createFingerprint()
  const outcomes = createLru<Outcome & { readonly at: number }>(CAPACITY)
  const flights = createSingleFlight<Outcome>()

  function login(subject: Subject, signal: AbortSignal): Promise<Login | undefined> {
    const { credential, host } = subject
    const registry = registryOf(registries, host)
    const target = targetOf(subject)
    if (!needsExchange(credential)) return registry.exchange(credential, target, signal)
    const key = `${registry.name} ${registry.audience(host)} ${fingerprint(credential)}`
    const exchange = (shared: AbortSignal) => registry.exchange(credential, target, shared)
    return once(key, exchange, signal)
  }

  /** The answer of a cloud, refusals too, for all that ask the same in these minutes. */
  async function once(
    key: string,
    exchange: (signal: AbortSignal) => Promise<Login | undefined>,
    signal: AbortSignal,
  ): Promise<Login | undefined> {
    const ask = async (shared: AbortSignal): Promise<Outcome> => {
      const outcome = await exchange(shared).then(
        (made) => ({ login: made }),
        (error: unknown) => ({ error }),
      )
      shared.throwIfAborted()
      outcomes.set(key, { ...outcome, at: now() })
      return outcome
    }
    const known = outcomes.get(key)
    const ageMs = known === undefined ? EXCHANGE_HOLDS_MS : now() - known.at
    const isKnown = known !== undefined && ageMs >= 0 && ageMs < EXCHANGE_HOLDS_MS
    const outcome = isKnown ? known : await flights.join(key, ask, signal)
    if ('error' in outcome) throw outcome.error
    return outcome.login
  }

  async function logIn(subject: Subject, signal: AbortSignal): Promise<Verdict> {
    const made = await login(subject, signal)
    if (made === undefined) throw noIdentity(subject)
    const { expiresAt } = made
    if (expiresAt !== undefined && expiresAt.getTime() <= now()) throw ended(subject, expiresAt)
    const upstream = upstreamOf(upstreams, subject.host)
    const reason = await enter(upstream, made, { net: await net(), now }, signal)
    return { state: 'valid', expiresAt, reason }
  }

  return {
    async check(subject, signal) {
      signal.throwIfAborted()
      const deadline = AbortSignal.timeout(timeoutMs)
      try {
        return await logIn(subject, AbortSignal.any([signal, deadline]))
      } catch (error) {
        signal.throwIfAborted()
        const what = `${subject.host.name}: no answer within ${timeoutMs / 1000} s`
        return verdictOn(
          deadline.aborted ? new PurserError('network', what) : error,
          hintFor(subject),
        )
      }
    },
  }
}

function targetOf({ workspace, host, prefix }: Subject) {
  const repository = prefix === '' ? undefined : prefix
  return { workspace, host, repository, action: 'pull' } as const
}

function noIdentity(subject: Subject): PurserError {
  const told = `${describeSubject(subject)} stands for an identity that this machine has not`
  return new PurserError('exchange-failed', told)
}

function ended(subject: Subject, at: Date): PurserError {
  const told = `${describeSubject(subject)} expired at ${at.toISOString()}`
  return new PurserError('credential-expired', told)
}

function hintFor(subject: Subject): string | undefined {
  if (subject.source !== 'vault') return undefined
  const { workspace } = subject
  const where = workspace === DEFAULT_WORKSPACE ? '' : ` --workspace ${workspace}`
  return `log in anew: purser login ${placeOf(subject)}${where}`
}
