import { PurserError } from '../model/errors.ts'
import type { ContainerRequest } from '../request/request.ts'
import { hashOfSecret, type Lease, newLeaseSecrets } from './lease.ts'

/** How a lease ends: what it has under way may go on to its end, or ends with it. */
export type LeaseEnd = 'drain' | 'cut'

/** The leases of an agent. */
export interface Leases {
  /** @throws `not-allowed` if there are too many */
  open(request: ContainerRequest, terms: Terms): Lease
  find(id: string): Lease | undefined
  /** The lease whose secret this is. */
  admit(secret: string): Lease | undefined
  /** Gives a lease more time, from now on. @returns `undefined` if it has ended */
  renew(id: string, lifeMs?: number): Lease | undefined
  /** @returns whether there was such a lease */
  close(id: string, end?: LeaseEnd): boolean
  /** In the order in which they were opened. */
  list(): readonly Lease[]
  /** Ends those whose time is over, and writes anew what a change of the key has made unreadable. */
  sweep(): void
}

/** For whom a lease is, and for how long. */
interface Terms {
  readonly workspace: string
  /** Default: {@link DEFAULT_LIFE_MS}. At most {@link MAX_LIFE_MS}. */
  readonly lifeMs?: number | undefined
}

/** Where leases outlive the agent. */
export interface LeaseStore {
  read(): readonly Lease[]
  write(lease: Lease): void
  remove(id: string): void
  /** Whether what was written is to be written anew: the key has changed. */
  isStale(): boolean
}

export interface LeasesOptions {
  readonly store: LeaseStore
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Told of each end, once. */
  ended?(lease: Lease, end: LeaseEnd): void
}

/** A day: who runs for longer renews, and what nobody renews is somebody's who is gone. */
export const DEFAULT_LIFE_MS = 24 * 60 * 60_000
/** A month. */
export const MAX_LIFE_MS = 30 * 24 * 60 * 60_000

/** Far more containers than a node runs. */
const MAX_LEASES = 10_000

/** Takes up the leases of the agent before, and opens new ones. */
export function createLeases({ store, now, ended }: LeasesOptions): Leases {
  const leases = new Map<string, Lease>()
  const bySecret = new Map<string, Lease>()

  function keep(lease: Lease): Lease {
    leases.set(lease.id, lease)
    bySecret.set(hashOfSecret(lease.secret.reveal()), lease)
    return lease
  }

  function end(lease: Lease, how: LeaseEnd): void {
    leases.delete(lease.id)
    bySecret.delete(hashOfSecret(lease.secret.reveal()))
    store.remove(lease.id)
    ended?.(lease, how)
  }

  /** A lease ends by the clock, whether or not anybody has swept. */
  function current(lease: Lease | undefined): Lease | undefined {
    if (lease === undefined || lease.expiresAt.getTime() > now()) return lease
    end(lease, 'drain')
    return undefined
  }

  function expiryIn(lifeMs = DEFAULT_LIFE_MS): Date {
    return new Date(now() + Math.min(Math.max(lifeMs, 1), MAX_LIFE_MS))
  }

  for (const lease of store.read()) keep(lease)

  return {
    open(request, { workspace, lifeMs }) {
      if (leases.size >= MAX_LEASES) {
        throw new PurserError('not-allowed', `there are ${MAX_LEASES} leases already`, {
          hint: 'close those of containers that have ended',
        })
      }
      const lease: Lease = {
        ...newLeaseSecrets(),
        ...{ workspace, request, openedAt: new Date(now()), expiresAt: expiryIn(lifeMs) },
      }
      store.write(lease)
      return keep(lease)
    },
    find: (id) => current(leases.get(id)),
    admit: (secret) => current(bySecret.get(hashOfSecret(secret))),
    renew(id, lifeMs) {
      const lease = current(leases.get(id))
      if (lease === undefined) return undefined
      const renewed = { ...lease, expiresAt: expiryIn(lifeMs) }
      store.write(renewed)
      return keep(renewed)
    },
    close(id, how = 'drain') {
      const lease = current(leases.get(id))
      if (lease !== undefined) end(lease, how)
      return lease !== undefined
    },
    list: () => [...leases.values()].filter((lease) => current(lease) !== undefined),
    sweep() {
      const all = [...leases.values()].filter((lease) => current(lease) !== undefined)
      if (store.isStale()) for (const lease of all) store.write(lease)
    },
  }
}
