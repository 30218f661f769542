import { setFlagsFromString } from 'node:v8'
import { createRenewal, type Renewal } from '../agent/renewal.ts'
import { type Agent, startAgent } from '../agent/server.ts'
import { type App, createApp, type Runtime } from '../app.ts'
import { createMemo } from '../cache/memo.ts'
import type { ServeFlags } from '../cli/context.ts'
import {
  type Config,
  defaultUpstream,
  type ListenAddress,
  type UpstreamConfig,
} from '../config/config.ts'
import { readServerCertificate } from '../config/file.ts'
import { parseListen } from '../config/listen.ts'
import { PurserError } from '../model/errors.ts'
import type { Host } from '../model/host.ts'
import type { Log } from '../observe/log.ts'
import { createRateLimits } from '../observe/rate-limits.ts'
import { describeAddress } from '../proxy/listener.ts'
import { createProxy, type Proxy as RegistryProxy } from '../proxy/server.ts'
import { createTraffic } from '../proxy/traffic.ts'
import { createUpstreamTable, type UpstreamTable } from '../proxy/upstreams.ts'
import { type Bound, describeWays } from '../proxy/ways-in.ts'
import { hostsOf } from '../sources/request.ts'
import { createTokens } from '../token/tokens.ts'
import { isHostsOwn } from '../vault/spelling.ts'
import { type Health, startHealth } from './health.ts'
import { createExchangeTally, type Observation, openMetrics, tellStatus } from './observation.ts'

/** How long what was learnt of a host is believed; a login made meanwhile counts from then on. */
const DISCOVERY_MS = 1_000
/** More hosts than a node's clients name; a client that makes some up costs no memory. */
const DISCOVERY_CAPACITY = 1_000

/**
 * Look for garbage when a quarter of the young generation is full, rather than at four fifths: what a
 * transfer leaves behind is buffers, which lie outside of the heap and do not count there. A push of
 * 8 GiB peaks at 150 MiB instead of 190, and is no slower.
 */
const MEMORY_FLAGS = '--minor-gc-task-trigger=25'

/**
 * Runs the proxy and the agent until told to stop.
 *
 * @throws `config-invalid`, `network` if an address is taken, `not-allowed` if an agent runs already
 */
export async function serve(flags: ServeFlags, runtime: Runtime): Promise<void> {
  const exchanges = createExchangeTally()
  const app = createApp(runtime, flags, (registry, outcome) =>
    exchanges.count({ registry, outcome }),
  )
  const log = await app.log('info')
  const closers: (() => Promise<void>)[] = [() => app.close()]
  try {
    const config = await app.config()
    const addresses = listenAddresses(flags, config)
    let listening: readonly string[] = []
    const renewal = await startRenewal(app, runtime, log)
    closers.unshift(async () => renewal.close())
    let health: Health | undefined
    const observation: Observation = {
      version: runtime.version,
      renewal,
      rateLimits: createRateLimits({ now: runtime.now }),
      traffic: createTraffic(),
      exchanges,
      health: () => health,
    }
    const agent = await startOwnAgent(app, runtime, {
      log,
      observation,
      listening: () => listening,
    })
    if (agent !== undefined) {
      closers.unshift(() => agent.close())
      health = await startHealth(app, runtime, log)
      closers.unshift(health.close)
    }
    const { now, uid = 0 } = runtime
    const proxy = await startProxy(app, config, { log, observation, now, uid })
    closers.unshift(() => proxy.close())
    const bound = await listenAll(proxy, addresses, config.upstreams, log)
    listening = bound.map(({ address }) => describeAddress(address))
    runtime.writeOut(describeWays(config.upstreams, bound))
    // Not before all is loaded: V8 refuses a code cache that was made under other flags.
    setFlagsFromString(MEMORY_FLAGS)
    await aborted(runtime.signal)
    log.info('stopping')
  } finally {
    for (const close of closers) await close()
  }
}

/** What agent and proxy ask: their logins are renewed ahead, while somebody uses them. */
async function startRenewal(app: App, { now }: Runtime, log: Log): Promise<Renewal> {
  const renewal = createRenewal({
    resolver: await app.ownResolver(),
    now,
    random: Math.random,
    log,
  })
  renewal.start()
  return renewal
}

/**
 * Starts the agent, before anything listens: one that runs already is a reason not to.
 *
 * With a request there is none, unless its socket is named: what was given to one container is not
 * for every process of this user.
 */
async function startOwnAgent(
  app: App,
  { env, pid, now, uid = 0 }: Runtime,
  { log, observation, listening }: Served,
): Promise<Agent | undefined> {
  const { socket, workspace } = app
  const hasRequest = (await app.request()) !== undefined
  if (socket === undefined || (hasRequest && !env['PURSER_SOCKET'])) return undefined
  const { vault } = await app.config()
  const startedAt = new Date(now())
  const agent = await startAgent({
    socket,
    uid,
    resolver: observation.renewal,
    vault: vault.path,
    log,
    status: () =>
      tellStatus(observation, { pid, startedAt, workspace, listening: [...listening()] }),
  })
  log.info('agent listening', { socket })
  return agent
}

interface Served {
  readonly log: Log
  readonly observation: Observation
  listening(): readonly string[]
}

interface Observed {
  readonly log: Log
  readonly observation: Observation
  readonly now: () => number
  readonly uid: number
}

async function startProxy(app: App, config: Config, observed: Observed): Promise<RegistryProxy> {
  const { now, log, observation, uid } = observed
  const { certificate, hosts } = config.proxy
  const net = await app.net()
  return createProxy({
    upstreams: createUpstreams(app, config, now),
    resolver: observation.renewal,
    tokens: createTokens({ net, now }),
    net,
    workspace: app.workspace,
    hosts,
    uid,
    ...(certificate && { certificate: readServerCertificate(certificate, uid) }),
    log,
    rateLimits: observation.rateLimits,
    traffic: observation.traffic,
    metrics: openMetrics(observation),
    now,
  })
}

/** The configured upstreams, and the hosts for which the vault or the request has a credential. */
function createUpstreams(app: App, config: Config, now: () => number): UpstreamTable {
  const memo = createMemo<UpstreamConfig | undefined>({
    now,
    ttlMs: DISCOVERY_MS,
    capacity: DISCOVERY_CAPACITY,
  })
  return createUpstreamTable(config.upstreams, async (host) =>
    memo.get(host.name, async () =>
      (await isKnown(app, config, host)) ? defaultUpstream(host) : undefined,
    ),
  )
}

async function isKnown(app: App, { buildRegistry }: Config, host: Host): Promise<boolean> {
  const request = await app.request()
  if (request !== undefined) {
    if (hostsOf(request, { buildRegistry }).some(({ name }) => name === host.name)) return true
  }
  const entries = await (await app.vault()).findByHostname(app.workspace, host.hostname)
  return entries.some((entry) => entry.host.name === host.name && isHostsOwn(entry))
}

function listenAddresses({ listen }: ServeFlags, config: Config): readonly ListenAddress[] {
  if (listen.length === 0) return config.proxy.listen
  return listen.map((text) => {
    const address = parseListen(text)
    if (typeof address !== 'string') return address
    throw new PurserError('usage', `--listen ${address}`)
  })
}

async function listenAll(
  proxy: RegistryProxy,
  addresses: readonly ListenAddress[],
  upstreams: readonly UpstreamConfig[],
  log: Log,
): Promise<readonly Bound[]> {
  const wanted = [
    ...addresses.map((address) => ({ address, upstream: undefined })),
    ...upstreams.flatMap((upstream) =>
      upstream.listen === undefined ? [] : [{ address: upstream.listen, upstream }],
    ),
  ]
  const listening: Bound[] = []
  for (const { address, upstream } of wanted) {
    const bound = await proxy.listen(address, upstream)
    listening.push({ address: bound, upstream })
    log.info('proxy listening', { address: describeAddress(bound), upstream: upstream?.host.name })
  }
  return listening
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
