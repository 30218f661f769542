import type { LeaseManager } from '../agent/leases.ts'
import type { Runtime } from '../app.ts'
import { createMemo } from '../cache/memo.ts'
import type { LeaseOutlook, MintedOutlook } from '../health/lease-outlook.ts'
import {
  hasClientFiles,
  removeClientFiles,
  removeStrayFiles,
  writeClientFiles,
} from '../lease/client-files.ts'
import type { Lease } from '../lease/lease.ts'
import { createLeases, type Leases } from '../lease/leases.ts'
import { openSealedLeases } from '../lease/sealed-leases.ts'
import { describeError } from '../model/errors.ts'
import type { Host } from '../model/host.ts'
import type { Log } from '../observe/log.ts'
import { checkCredentials, parseRequest } from '../request/request.ts'
import { hostsOf } from '../sources/request.ts'
import type { Tenancy } from './gateway.ts'
import type { Generations } from './generation.ts'
import { mintedOf } from './lease-sources.ts'
import { createTenants } from './tenants.ts'

/** The leases of a server: for the agent, which opens and closes them, and for the proxy. */
export interface Leasing extends Tenancy {
  readonly leases: Leases
  readonly manager: LeaseManager
  outlooks(): readonly LeaseOutlook[]
  close(): void
}

export interface LeasingOptions extends Pick<Runtime, 'env' | 'uid' | 'now'> {
  readonly generations: Generations
  readonly socket: string
  readonly log: Log
  /** Where the proxy listens, as the configuration writes addresses. */
  listening(): readonly string[]
}

/** What has ended is gone from every cache and disk within a second. */
const SWEEP_MS = 1_000

/** The vault is near, and what a request brought is at hand. */
const LOOK_TIMEOUT_MS = 10_000

/** To list a vault of thousands takes long; a registry that is new to it is found through the proxy. */
const HOSTS_MS = 60_000

/** More registries than a container is told of by name; the proxy knows all. */
const MAX_HOSTS = 1_000

/**
 * Opens what leases are managed by, and takes up those of the agent before.
 *
 * @throws `unsafe-file`, `key-missing`, `key-invalid`
 */
export async function openLeases(options: LeasingOptions): Promise<Leasing> {
  const { uid = 0, now, generations, socket, log, listening } = options
  const { app } = generations.current()
  const { paths } = app
  const tenants = createTenants(generations, now)
  const minted = new Map<string, readonly MintedOutlook[]>()
  const keys = await (await app.store()).keys()
  const leases = createLeases({
    store: openSealedLeases({ directory: paths.leases, keys, uid, log }),
    now,
    ended({ id }, end) {
      tenants.leave(id, end)
      minted.delete(id)
      removeClientFiles(paths.clients, id)
      log.info('lease ended', { lease: id, transfers: end })
    },
  })
  const timer = setInterval(leases.sweep, SWEEP_MS).unref()
  // Not before the proxy has its address; and a second server finds before that the socket is taken.
  const tidying = setInterval(() => {
    if (listening().length === 0) return
    clearInterval(tidying)
    tidy().catch((error: unknown) => {
      log.warn('client files not looked after', { error: describeError(error) })
    })
  }, SWEEP_MS).unref()
  const takenUp = leases.list()

  async function look(lease: Lease): Promise<void> {
    const found = await mintedOf(
      generations.current().app,
      lease,
      AbortSignal.timeout(LOOK_TIMEOUT_MS),
    )
    if (leases.find(lease.id) !== undefined) minted.set(lease.id, found)
  }

  const vault = await app.vault()
  const entryHosts = createMemo<readonly Host[]>({
    ...{ now, ttlMs: HOSTS_MS, capacity: MAX_HOSTS },
    mark: () => vault.revision?.(),
  })

  async function hostsFor({ workspace, request }: Lease): Promise<readonly Host[]> {
    const { buildRegistry } = generations.current().config
    const ofEntries = await entryHosts.get(workspace, async () =>
      (await vault.list(workspace)).map(({ host }) => host),
    )
    const hosts = [...hostsOf(request, { buildRegistry }), ...ofEntries]
    return [...new Map(hosts.map((host) => [host.name, host])).values()].slice(0, MAX_HOSTS)
  }

  async function giveFiles(lease: Lease) {
    const proxies = listening().flatMap(clientAddresses)
    const hosts = await hostsFor(lease)
    const root = paths.clients
    return { proxies, ...writeClientFiles(lease, { root, uid, socket, proxies, hosts }) }
  }

  /** A service manager may have removed what lies in the runtime directory when it stopped the agent. */
  async function tidy(): Promise<void> {
    removeStrayFiles(paths.clients, (id) => leases.find(id) !== undefined)
    for (const lease of takenUp) {
      if (leases.find(lease.id) === undefined || hasClientFiles(paths.clients, lease.id)) continue
      await giveFiles(lease)
      if (leases.find(lease.id) === undefined) removeClientFiles(paths.clients, lease.id)
    }
  }

  const manager: LeaseManager = {
    async open(text, { workspace = app.workspace, lifeMs }) {
      const request = parseRequest(text)
      // Whoever starts the container hears of it, rather than the container.
      checkCredentials(text, [])
      const lease = leases.open(request, { workspace, lifeMs })
      try {
        await look(lease)
        const { proxies, ...files } = await giveFiles(lease)
        log.info('lease opened', {
          lease: lease.id,
          workspace,
          expires: lease.expiresAt.toISOString(),
        })
        return { lease, proxy: proxies[0], ...files }
      } catch (error) {
        leases.close(lease.id)
        throw error
      }
    },
    list: leases.list,
    renew: leases.renew,
    close: leases.close,
    resolverOf(id) {
      const lease = leases.find(id)
      return lease && tenants.resolverOf(lease)
    },
  }
  async function lookAtAll(): Promise<void> {
    for (const lease of leases.list()) {
      await look(lease).catch((error: unknown) => {
        log.warn('lease not looked at', { lease: lease.id, error: describeError(error) })
      })
    }
  }

  // Containers wait for the agent to come back, and only status for this.
  void lookAtAll()
  return {
    ...{ leases, tenants, manager },
    outlooks: () =>
      leases.list().map((lease) => ({ ...lease, minted: minted.get(lease.id) ?? [] })),
    close() {
      clearInterval(timer)
      clearInterval(tidying)
    },
  }
}

/** As clients write the address of a plain listener; one that speaks TLS is for those who trust it. */
function clientAddresses(address: string): readonly string[] {
  const [, host, port] = /^(127\.0\.0\.1|\[::1\]):(\d+)$/.exec(address) ?? []
  return host === undefined ? [] : [`${host}:${port}`, `localhost:${port}`]
}
