import type { Cache } from './cache/cache.ts'
import { createFingerprint, type Fingerprint } from './cache/fingerprint.ts'
import type { LeastLife, Schedule } from './cache/lifetime.ts'
import { faultOf } from './fault.ts'
import { slotKey } from './logins/slot-key.ts'
import { type Credential, isOfMachine, needsExchange } from './model/credential.ts'
import type { Login } from './model/login.ts'
import type { Target } from './model/target.ts'
import { registryOf } from './registries/all.ts'
import type { Registry } from './registries/registry.ts'
import type { Found, Source } from './sources/source.ts'

/** The answer to a target: a login, and how it came about. */
export interface Resolution {
  readonly login: Login
  /** The source that held the credential, as in {@link Source.name}. */
  readonly source: string
  /** Where in the source it was, for people. */
  readonly from: string
  /** The kind of registry, as in {@link Registry.name}. */
  readonly registry: string
}

/** Answers which login belongs to a target. The agent's client is one too. */
export interface Resolver {
  /**
   * @returns `undefined` if no source holds a credential for `target`.
   * @throws if one holds a credential that cannot be used, or that the registry's cloud refused:
   * never a weaker identity, because something broke.
   */
  resolve(target: Target, signal: AbortSignal): Promise<Resolution | undefined>
  /**
   * Like {@link resolve}, but a login in its last part of life is exchanged anew although it is still
   * good. Absent, as the others below, where nothing is kept.
   *
   * @param least - how much of its life it is to have left, if not the last part
   */
  renew?(target: Target, signal: AbortSignal, least?: LeastLife): Promise<Resolution | undefined>
  /** Changes when a question may have another answer than before; not always when it has. */
  revision?(): string | undefined
  /** Takes in that the registry refused a login before its time; a newer one stays. */
  forget?(login: Login): void
  /** What becomes of a login; `undefined` of one that was not exchanged, or is kept no more. */
  upkeepOf?(login: Login): Upkeep | undefined
}

/** When a login is to be renewed, and which it is: logins of one slot are renewed as one. */
export interface Upkeep extends Schedule {
  readonly slot: string
}

/** What a resolver is made of. */
export interface ResolverOptions {
  /** In the order in which they are asked. */
  readonly sources: readonly Source[]
  readonly registries: readonly Registry[]
  readonly cache: Cache<Login | undefined>
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Tells identities apart. Default: as this process alone can. */
  readonly fingerprint?: Fingerprint
  /**
   * Changes when what a credential of the machine is read from changes: such a credential names an
   * identity, and does not hold it. Default: that never changes.
   */
  markOf?(credential: Credential): string
}

/** An identity that a machine has not is not looked for again at once: for 9 minutes, by its margin. */
const MISS_MS = 10 * 60_000

/** Makes the one answer of all front doors: the first source that has it, exchanged and cached. */
export function createResolver(options: ResolverOptions): Resolver {
  const { sources, registries, cache, now, fingerprint = createFingerprint(), markOf } = options
  const keys = new WeakMap<Login, string>()
  const fingerprints = new WeakMap<Credential, string>()

  /** Taken once of each credential that a source finds again and again. */
  function identityOf(credential: Credential): string {
    const known = fingerprints.get(credential)
    if (known !== undefined) return known
    const taken = fingerprint(credential)
    fingerprints.set(credential, taken)
    return taken
  }

  function keyOf(credential: Credential, registry: Registry, target: Target): string {
    return slotKey({
      registry: registry.name,
      audience: registry.audience(target.host),
      identity: identityOf(credential),
      machine: isOfMachine(credential) ? (markOf?.(credential) ?? '') : undefined,
    })
  }

  async function exchange(
    { credential }: Found,
    registry: Registry,
    { ask, target, signal, least }: Question,
  ) {
    if (!needsExchange(credential)) return registry.exchange(credential, target, signal)
    const key = keyOf(credential, registry, target)
    const produce = async (shared: AbortSignal) => {
      const login = await registry.exchange(credential, target, shared)
      const expiresAt = login === undefined ? new Date(now() + MISS_MS) : login.expiresAt
      return { value: login, expiresAt }
    }
    const login = await cache[ask](key, produce, signal, least)
    if (login !== undefined) keys.set(login, key)
    return login
  }

  async function answer(question: Question): Promise<Resolution | undefined> {
    const { target, signal } = question
    for (const source of sources) {
      const found = await source.find(target, signal)
      if (found === undefined) continue
      const registry = registryOf(registries, target.host)
      try {
        const login = await exchange(found, registry, question)
        if (login === undefined) continue
        return { login, source: source.name, from: found.from, registry: registry.name }
      } catch (error) {
        signal.throwIfAborted()
        throw faultOf(target, found.from, error)
      }
    }
    return undefined
  }

  return {
    resolve: (target, signal) => answer({ ask: 'get', target, signal }),
    renew: (target, signal, least) => answer({ ask: 'renew', target, signal, least }),
    revision: () => sources.map((source) => source.revision?.()).join(' '),
    forget(login) {
      const key = keys.get(login)
      if (key !== undefined) cache.drop(key, login)
    },
    upkeepOf(login) {
      const slot = keys.get(login)
      const schedule = slot === undefined ? undefined : cache.schedule(slot, login)
      return slot === undefined || schedule === undefined ? undefined : { slot, ...schedule }
    },
  }
}

interface Question {
  /** How the cache is asked. */
  readonly ask: 'get' | 'renew'
  readonly target: Target
  readonly signal: AbortSignal
  readonly least?: LeastLife | undefined
}
