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
import { createCrowd } from '../proxy/crowd.ts'
import { describeAddress } from '../proxy/listener.ts'
import { createReception } from '../proxy/reception.ts'
import { createProxy, type ProxyOptions } from '../proxy/server.ts'
import type { Service } from '../proxy/service.ts'
import { type Bound, describeWays } from '../proxy/ways-in.ts'
import { createTokens, type Tokens } from '../token/tokens.ts'
import { clientAuthOf } from './client-auth.ts'
import { createUpstreams } from './discovery.ts'
import { type Era, type Eras, netOf } from './era.ts'
import { leaseNet } from './lease-net.ts'
import { type Observation, openMetrics } from './observation.ts'
import type { Tenants } from './tenants.ts'

/** The proxy, as the current configuration has it. */
export interface Gateway {
  /** The addresses that it listens on. */
  listening(): readonly string[]
  /** What each kind of client is to be given. */
  describe(): string
  /** Serves as another era's configuration says. @throws as at the start; then all is as it was */
  follow(next: Era): Promise<void>
  /** Stops listening, and gives what is under way a while to end, unless it is in a hurry. */
  close(hurry: AbortSignal): Promise<void>
}

/** What a gateway is made with. */
export interface GatewayOptions extends Pick<Runtime, 'now' | 'uid' | 'env'> {
  readonly flags: ServeFlags
  readonly eras: Eras
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
  const { flags, eras, observation, tenancy, log, now, uid = 0 } = options
  const metrics = openMetrics(observation)
  const leaseNets = new WeakMap<Era, ReturnType<typeof leaseNet>>()
  const nets = { everybody: netOf(eras), leases: netOf(eras, leaseNetOf) }
  let era = eras.current()
  const uptime = createUptime()
  const seen = observation.traffic.token
  let tokens = makeTokens()
  let bound: readonly Bound[] = []
  const proxy = createProxy(optionsFor(era, tokens))

  function leaseNetOf(of: Era): ReturnType<typeof leaseNet> {
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

  function optionsFor(next: Era, good: Whose<Tokens>): ProxyOptions {
    const { certificate, hosts } = next.config.proxy
    const { rateLimits, traffic, renewal } = observation
    const shared = {
      ...{ rateLimits, traffic, metrics, tokens: good.everybody, net: next.net },
      ...{ usage: next, log, now, uid, hosts },
      crowd: createCrowd({ connections: CONNECTIONS_PER_ORIGIN, now }),
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
      receive: (everybody) => createReception({ auth, everybody, leaseService, hosts, metrics }),
    }
  }

  async function follow(next: Era): Promise<void> {
    // A token that was made by another way may be another's.
    const good = waysOf(next) === waysOf(era) ? tokens : makeTokens()
    const before = new Set(bound.map(nameOf))
    const last = bound
    bound = await proxy.change(optionsFor(next, good), wantedBy(flags, next.config))
    tokens = good
    era = next
    for (const each of bound) {
      if (!before.delete(nameOf(each))) log.info('proxy listening', fieldsOf(each))
    }
    for (const each of last) {
      if (before.has(nameOf(each))) log.info('proxy no longer listening', fieldsOf(each))
    }
  }

  await follow(era)
  return {
    listening: () => bound.map(({ address }) => describeAddress(address)),
    describe: () => describeWays(era.config.upstreams, bound),
    follow,
    close(hurry) {
      const graceMs = flags.drain === undefined ? era.config.proxy.drainMs : flags.drain * 1_000
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
function waysOf({ config: { connect, tls, net } }: Era): string {
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
