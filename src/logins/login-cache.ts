import { type Cache, createCache } from '../cache/cache.ts'
import { type Login, sameLogin } from '../model/login.ts'
import type { SealedLogins } from './sealed-logins.ts'

/** What the cache of logins is made with. */
export interface LoginCacheOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Milliseconds since the machine started, its sleep included. */
  readonly uptime: () => number
  /** `undefined` keeps them in memory alone. */
  readonly sealed: SealedLogins | undefined
}

/** Makes the cache of exchanged logins; `undefined` is kept of identities that the machine has not. */
export function createLoginCache({
  now,
  uptime,
  sealed,
}: LoginCacheOptions): Cache<Login | undefined> {
  return createCache<Login | undefined>({
    now,
    uptime,
    same: (a, b) => a === b || (a !== undefined && b !== undefined && sameLogin(a, b)),
    ...(sealed && { store: sealed.store }),
  })
}
