import type { Cache } from './cache/cache.ts'
import { createFingerprint } from './cache/fingerprint.ts'
import { type Credential, needsExchange } from './model/credential.ts'
import { PurserError } from './model/errors.ts'
import type { Login } from './model/login.ts'
import { nameOf, type Target } from './model/target.ts'
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
   * Takes in that the registry refused a login before its time; a newer one stays. Absent where
   * nothing is kept.
   */
  forget?(login: Login): void
}

/** What a resolver is made of. */
export interface ResolverOptions {
  /** In the order in which they are asked. */
  readonly sources: readonly Source[]
  readonly registries: readonly Registry[]
  readonly cache: Cache<Login | undefined>
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** An identity that a machine has not is not looked for again at once; half of this, by its margin. */
const MISS_MS = 10 * 60_000

/** Makes the one answer of all front doors: the first source that has it, exchanged and cached. */
export function createResolver({ sources, registries, cache, now }: ResolverOptions): Resolver {
  const fingerprint = createFingerprint()
  const keys = new WeakMap<Login, string>()

  async function exchange(found: Found, registry: Registry, target: Target, signal: AbortSignal) {
    const { credential } = found
    if (!needsExchange(credential)) return registry.exchange(credential, target, signal)
    const audience = registry.audience(target.host)
    const key = `${registry.name} ${audience} ${fingerprint(credential)}`
    const produce = async (shared: AbortSignal) => {
      const login = await registry.exchange(credential, target, shared)
      if (login === undefined) return { value: login, expiresAt: new Date(now() + MISS_MS) }
      keys.set(login, key)
      return { value: login, expiresAt: login.expiresAt }
    }
    return cache.get(key, produce, signal)
  }

  return {
    async resolve(target, signal) {
      for (const source of sources) {
        const found = await source.find(target, signal)
        if (found === undefined) continue
        const registry = registryOf(registries, target.host)
        try {
          const login = await exchange(found, registry, target, signal)
          if (login === undefined) continue
          return { login, source: source.name, from: found.from, registry: registry.name }
        } catch (error) {
          signal.throwIfAborted()
          throw new PurserError(
            error instanceof PurserError ? error.code : 'exchange-failed',
            `cannot log in to ${nameOf(target)} with ${found.from}`,
            { cause: error },
          )
        }
      }
      return undefined
    },
    forget(login) {
      const key = keys.get(login)
      if (key !== undefined) cache.drop(key, login)
    },
  }
}
