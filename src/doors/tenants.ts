import type { ServerResponse } from 'node:http'
import { createFingerprint } from '../cache/fingerprint.ts'
import { createUptime } from '../cache/uptime.ts'
import type { Lease } from '../lease/lease.ts'
import type { LeaseEnd } from '../lease/leases.ts'
import { createLoginCache } from '../logins/login-cache.ts'
import { createSeal, type Seal } from '../proxy/seal.ts'
import { createService, type Service, type ServiceOptions } from '../proxy/service.ts'
import type { Resolver } from '../resolver.ts'
import { createUpstreams } from './discovery.ts'
import type { Generation, Generations } from './generation.ts'
import { leaseSources } from './lease-sources.ts'

/** Serves each lease by its own request and workspace, with caches of its own. */
export interface Tenants {
  /** Makes the resolver of a lease, which follows reloads of the configuration. */
  resolverOf(lease: Lease): Resolver
  /** Serves what a lease's container sends to the proxy, by the options that a generation has for all. */
  serviceOf(lease: Lease, generation: Generation, options: ServiceOptions): Service
  /** Stops serving a lease; `cut` ends its transfers under way too. */
  leave(id: string, end: LeaseEnd): void
}

/** What is kept in memory of a lease that has been used. */
interface Tenant {
  readonly seal: Seal
  readonly active: Set<ServerResponse>
  resolver: { readonly generation: Generation; readonly value: Promise<Resolver> } | undefined
  service: { readonly generation: Generation; readonly value: Service } | undefined
}

/** Makes tenants, none of them in use yet. */
export function createTenants(generations: Generations, now: () => number): Tenants {
  const tenants = new Map<string, Tenant>()
  // In memory alone: of what was given to one container, nothing stays on the machine's disk. A login
  // is kept by the identity that it was made of, so nobody finds one who has not brought it.
  const logins = {
    cache: createLoginCache({ now, uptime: createUptime(), sealed: undefined }),
    fingerprint: createFingerprint(),
  }

  function tenantOf({ id }: Lease): Tenant {
    const known = tenants.get(id)
    if (known !== undefined) return known
    const tenant: Tenant = {
      seal: createSeal(),
      active: new Set(),
      resolver: undefined,
      service: undefined,
    }
    tenants.set(id, tenant)
    return tenant
  }

  async function openResolver(lease: Lease, { app }: Generation): Promise<Resolver> {
    return app.resolverOf(await leaseSources(app, lease, now), logins)
  }

  /** The lease's own workspace replaces the target's: nobody is to ask for another one's. */
  function resolverOf(lease: Lease): Resolver {
    const tenant = tenantOf(lease)
    const { workspace } = lease
    const within = <T>(work: (resolver: Resolver) => Promise<T>) =>
      generations.within(async (generation) => {
        if (tenant.resolver?.generation !== generation) {
          tenant.resolver = { generation, value: openResolver(lease, generation) }
        }
        return work(await tenant.resolver.value)
      })
    return {
      resolve: (target, signal) =>
        within((resolver) => resolver.resolve({ ...target, workspace }, signal)),
      renew: (target, signal, least) =>
        within(async (resolver) => resolver.renew?.({ ...target, workspace }, signal, least)),
      // Its workspace's entries are in the same vault as everybody's.
      revision: () => generations.current().resolver.revision?.(),
      forget: (login) => {
        void tenant.resolver?.value.then((resolver) => resolver.forget?.(login))
      },
    }
  }

  return {
    resolverOf,
    serviceOf(lease, generation, options) {
      const tenant = tenantOf(lease)
      if (tenant.service?.generation !== generation) {
        const { workspace, request } = lease
        const asker = { workspace, request: async () => request }
        const upstreams = createUpstreams(generation, now, asker)
        const own = {
          ...options,
          workspace,
          client: lease.id,
          upstreams,
          resolver: resolverOf(lease),
        }
        tenant.service = { generation, value: createService(own, tenant.seal) }
      }
      const { value: service } = tenant.service
      const { active } = tenant
      return (door, req, res) => {
        active.add(res)
        res.once('close', () => active.delete(res))
        return service(door, req, res)
      }
    },
    leave(id, end) {
      const tenant = tenants.get(id)
      tenants.delete(id)
      if (end === 'cut') for (const res of tenant?.active ?? []) res.destroy()
    },
  }
}
