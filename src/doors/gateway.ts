import type { Runtime } from '../app.ts'
import { createUptime } from '../cache/uptime.ts'
import type { ServeFlags } from '../cli/context.ts'
import type { Config, ListenAddress } from '../config/config.ts'
import { readServerCertificate } from '../config/file.ts'
import { parseListen } from '../config/listen.ts'
import type { Leases } from '../lease/leases.ts'
import { PurserError } from '../model/errors.ts'
import { CONNECTIONS_PER_ORIGIN } from '../net/net.ts'
import type { Log } from '../observe/log.ts'
import { authenticateClients } from '../proxy/client-auth.ts'
import { createConnectionQueue } from '../proxy/connection-queue.ts'
import { describeAddress } from '../proxy/listener.ts'
import { createProxy, type ProxyOptions } from '../proxy/server.ts'
import type { Service } from '../proxy/service.ts'
import { type Bound, describeWays } from '../proxy/ways-in.ts'
import { createTokens, type Tokens } from '../token/tokens.ts'
import { clientAuthOf } from './client-auth.ts'
import { createUpstreams } from './discovery.ts'
import { type Generation, type Generations, netOf } from './generation.ts'
import { leaseNet } from './lease-net.ts'
import { type Observation, openMetrics } from './observation.ts'
import type { Tenants } from './tenants.ts'

/** The proxy, as the current configuration has it. */
export interface Gateway {
  /** The addresses that it listens on. */
  listening(): readonly string[]
  /** What each kind of client is to be given. */
  describe(): string
  /** Serves as another generation's configuration says. @throws as at the start; then all is as it was */
  follow(next: Generation): Promise<void>
  /** Stops listening, and gives what is under way a while to end, unless it is in a hurry. */
  close(hurry: AbortSignal): Promise<void>
}

/** What a gateway is made with. */
export interface GatewayOptions extends Pick<Runtime, 'now' | 'uid' | 'env'> {
  readonly flags: ServeFlags
  readonly generations: Generations
  readonly observation: Observation
  readonly log: Log
  /** Who else is served than everybody; absent where there are no leases. */
  readonly tenancy?: Tenancy | undefined
}

/** The leases, and how they are served. */
export interface Tenancy {
  readonly leases: Pick<Leases, 'admit'>
  readonly tenants: Pick<Tenants, 'serviceOf'>
}

/**
 * Opens the proxy's doors.
 *
 * @throws `config-invalid`, `network` if an address is taken, `usage` if a flag's is none
 */
export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const { flags, generations, observation, tenancy, log, now, uid = 0 } = options
  const metrics = openMetrics(observation)
  const leaseNets = new WeakMap<Generation, ReturnType<typeof leaseNet>>()
  const nets = { everybody: netOf(generations), leases: netOf(generations, leaseNetOf) }
  let generation = generations.current()
  const uptime = createUptime()
  const seen = observation.traffic.token
  let tokens = makeTokens()
  let bound: readonly Bound[] = []
  const proxy = createProxy(optionsFor(generation, tokens))

  function leaseNetOf(of: Generation): ReturnType<typeof leaseNet> {
    const known = leaseNets.get(of) ?? leaseNet(of.net, of.config)
    leaseNets.set(of, known)
    return known
  }

  /** Those of leases are got by other ways. */
  function makeTokens(): Whose<Tokens> {
    return {
      everybody: createTokens({ net: nets.everybody, now, uptime, seen }),
      leases: createTokens({ net: nets.leases, now, uptime, seen }),
    }
  }

  function optionsFor(next: Generation, good: Whose<Tokens>): ProxyOptions {
    const { certificate, hosts } = next.config.proxy
    const { rateLimits, traffic, renewal } = observation
    const shared = {
      ...{ rateLimits, traffic, metrics, tokens: good.everybody, net: next.net },
      ...{ usage: next, log, now, uid, hosts },
      queue: createConnectionQueue({ connections: CONNECTIONS_PER_ORIGIN, now }),
      workspace: next.app.workspace,
      resolver: renewal,
      upstreams: createUpstreams(next, now),
    }
    const auth = clientAuthOf(next.config.proxy, options)
    const leased = { ...shared, tokens: good.leases, net: leaseNetOf(next) }
    function leaseService(secret: string): Service | undefined {
      const lease = tenancy?.leases.admit(secret)
      return lease && tenancy?.tenants.serviceOf(lease, next, leased)
    }
    return {
      ...shared,
      ...(certificate && { certificate: readServerCertificate(certificate, uid) }),
      receive: (everybody) =>
        authenticateClients({ auth, everybody, leaseService, hosts, metrics }),
    }
  }

  async function follow(next: Generation): Promise<void> {
    // A token that was made by another way may be another's.
    const good = waysOf(next) === waysOf(generation) ? tokens : makeTokens()
    const before = new Set(bound.map(nameOf))
    const last = bound
    bound = await proxy.change(optionsFor(next, good), wantedBy(flags, next.config))
    tokens = good
    generation = next
    for (const each of bound) {
      if (!before.delete(nameOf(each))) log.info('proxy listening', fieldsOf(each))
    }
    for (const each of last) {
      if (before.has(nameOf(each))) log.info('proxy no longer listening', fieldsOf(each))
    }
  }

  await follow(generation)
  return {
    listening: () => bound.map(({ address }) => describeAddress(address)),
    describe: () => describeWays(generation.config.upstreams, bound),
    follow,
    close(hurry) {
      const graceMs =
        flags.drain === undefined ? generation.config.proxy.drainMs : flags.drain * 1_000
      return proxy.close(graceMs, hurry)
    },
  }
}

/** One for leases, and one for all others. */
interface Whose<T> {
  readonly everybody: T
  readonly leases: T
}

/** By what connections are made, as far as the configuration says. */
function waysOf({ config: { connect, tls, net } }: Generation): string {
  return JSON.stringify([[...connect], tls, net])
}

function nameOf({ address, upstream }: Bound): string {
  return `${describeAddress(address)} ${upstream?.host.name ?? ''}`
}

function fieldsOf({ address, upstream }: Bound) {
  return { address: describeAddress(address), upstream: upstream?.host.name }
}

/** The proxy's own addresses, and those of single upstreams. */
function wantedBy(flags: ServeFlags, config: Config): readonly Bound[] {
  return [
    ...listenAddresses(flags, config).map((address) => ({ address, upstream: undefined })),
    ...config.upstreams.flatMap((upstream) =>
      upstream.listen === undefined ? [] : [{ address: upstream.listen, upstream }],
    ),
  ]
}

function listenAddresses({ listen }: ServeFlags, config: Config): readonly ListenAddress[] {
  if (listen.length === 0) return config.proxy.listen
  return listen.map((text) => {
    const address = parseListen(text)
    if (typeof address !== 'string') return address
    throw new PurserError('usage', `--listen ${address}`)
  })
}
