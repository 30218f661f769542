import { createMemo } from '../cache/memo.ts'
import { type Config, defaultUpstream, type UpstreamConfig } from '../config/config.ts'
import type { Host } from '../model/host.ts'
import { createUpstreamTable, type UpstreamTable } from '../proxy/upstreams.ts'
import type { ContainerRequest } from '../request/request.ts'
import { hostsOf } from '../sources/request.ts'
import { isHostsOwn } from '../vault/spelling.ts'
import type { Vault } from '../vault/vault.ts'
import type { Generation } from './generation.ts'

/** How long what was learnt of a host is believed; a login made meanwhile counts from then on. */
const DISCOVERY_MS = 1_000
/** More hosts than a node's clients name; a client that makes some up costs no memory. */
const DISCOVERY_CAPACITY = 1_000

/** For whom a host is looked up. */
export interface Asker {
  readonly workspace: string
  request(): Promise<ContainerRequest | undefined>
}

/** The configured upstreams, and the hosts for which the vault or the request has a credential. */
export function createUpstreams(
  { app, config }: Pick<Generation, 'app' | 'config'>,
  now: () => number,
  asker: Asker = app,
): UpstreamTable {
  let vault: Vault | undefined
  const openVault = async () => {
    vault ??= await app.vault()
    return vault
  }
  const memo = createMemo<UpstreamConfig | undefined>({
    now,
    ttlMs: DISCOVERY_MS,
    capacity: DISCOVERY_CAPACITY,
    mark: () => vault?.revision?.(),
  })
  return createUpstreamTable(config.upstreams, async (host) =>
    memo.get(host.name, async () =>
      (await isKnown(openVault, asker, config, host)) ? defaultUpstream(host) : undefined,
    ),
  )
}

async function isKnown(
  openVault: () => Promise<Vault>,
  asker: Asker,
  { buildRegistry }: Config,
  host: Host,
): Promise<boolean> {
  const request = await asker.request()
  if (request !== undefined) {
    if (hostsOf(request, { buildRegistry }).some(({ name }) => name === host.name)) return true
  }
  const entries = await (await openVault()).findByHostname(asker.workspace, host.hostname)
  return entries.some((entry) => entry.host.name === host.name && isHostsOwn(entry))
}
