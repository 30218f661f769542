import type { ListenAddress, UpstreamConfig } from '../config/config.ts'
import { PurserError } from '../model/errors.ts'
import {
  checkCertificate,
  describeAddress,
  isSocket,
  type Listener,
  type ServerCertificate,
  startListener,
} from './listener.ts'
import { createSeal } from './seal.ts'
import { createService, type Door, type Service, type ServiceOptions } from './service.ts'
import type { Bound } from './ways-in.ts'

/** What the proxy is made of. */
export interface ProxyOptions extends ServiceOptions {
  /** How long a connection may stand still in the middle of a request. Default: 20 min. */
  readonly stallTimeoutMs?: number
  /** For listeners that speak TLS. */
  readonly certificate?: ServerCertificate
  /** Whose a unix socket must be. */
  readonly uid?: number
  /** Serves some requests otherwise than all others. Default: it does not. */
  receive?(everybody: Service): Service
}

/** An address that is to be listened on, and the one upstream that is served there, if it is one. */
type Wanted = Bound

/** The registry proxy. */
export interface Proxy {
  /**
   * Listens on one more address.
   *
   * @param own the one upstream that is served there, for clients that name none
   * @returns the address with the port that it got
   */
  listen(address: ListenAddress, own?: UpstreamConfig): Promise<ListenAddress>
  /**
   * Serves by other options, and on these addresses alone, from the next request on; what is under way
   * ends as it began.
   *
   * @returns the addresses in the order of `wanted`, with the ports that they got
   * @throws as {@link listen}; then nothing has changed
   */
  change(options: ProxyOptions, wanted: readonly Wanted[]): Promise<readonly Bound[]>
  /**
   * Stops listening, and gives what is under way a while to end.
   *
   * @param hurry ends the while when it aborts
   */
  close(graceMs?: number, hurry?: AbortSignal): Promise<void>
}

/**
 * A client that neither reads nor writes any more holds a connection, to us and to the registry, even
 * while nobody else wants it. Longer than a registry may take to commit an upload: the client
 * is silent then too.
 */
const STALL_TIMEOUT_MS = 20 * 60_000

/** How long a transfer may go on once the proxy is told to stop; service managers allow 90 s. */
const GRACE_MS = 10_000
const NEVER = new AbortController().signal

/** A listener, and what those who come in by it get. */
interface Entrance {
  readonly listener: Listener
  readonly door: { -readonly [K in keyof Door]: Door[K] }
}

/** Makes a proxy that listens nowhere yet. */
export function createProxy(options: ProxyOptions): Proxy {
  // As long as the process: an upload outlives a configuration.
  const seal = createSeal()
  let current = options
  let service = makeService(options)
  /** By what the configuration calls them. */
  let entrances = new Map<string, Entrance>()
  const leaving = new Set<Entrance>()
  let closing: Promise<unknown> | undefined

  function makeService(next: ProxyOptions): Service {
    const everybody = createService(next, seal)
    return next.receive?.(everybody) ?? everybody
  }

  async function open(
    { stallTimeoutMs = STALL_TIMEOUT_MS, certificate, uid = 0 }: ProxyOptions,
    { address, upstream }: Wanted,
  ): Promise<Entrance> {
    const door: Entrance['door'] = {
      own: upstream,
      open: isSocket(address),
      closing: false,
      closeIdle: () => listener.closeIdle(),
    }
    const listener = await startListener(address, {
      ...{ stallTimeoutMs, certificate, uid },
      onRequest: (req, res) => void service(door, req, res),
    })
    return { listener, door }
  }

  /** Lets nobody in any more; whoever is in ends as he likes, if there is no limit. */
  async function shut(entrance: Entrance, limit?: AbortSignal): Promise<void> {
    entrance.door.closing = true
    leaving.add(entrance)
    await entrance.listener.close(limit)
    leaving.delete(entrance)
  }

  /** Takes over what is listened on already, and opens the rest; or leaves it all as it is. */
  async function openAll(next: ProxyOptions, wanted: readonly Wanted[]) {
    const found = new Map<string, Entrance>()
    const opened: Entrance[] = []
    try {
      for (const each of wanted) {
        const name = nameOf(each)
        const known = entrances.get(name)
        if (known === undefined) refuseChangeOfTls(entrances, each)
        const entrance = known ?? (await open(next, each))
        if (known === undefined) opened.push(entrance)
        found.set(name, entrance)
      }
      return found
    } catch (error) {
      for (const entrance of opened) void shut(entrance, AbortSignal.abort())
      throw error
    }
  }

  return {
    async listen(address, own) {
      const entrance = await open(current, { address, upstream: own })
      const bound = entrance.listener.address
      entrances.set(nameOf({ address: bound, upstream: own }), entrance)
      return bound
    },
    async change(next, wanted) {
      const { certificate } = next
      if (certificate !== undefined) checkCertificate(certificate)
      const found = await openAll(next, wanted)
      const kept = new Set(found.values())
      const removed = [...entrances.values()].filter((entrance) => !kept.has(entrance))
      current = next
      service = makeService(next)
      entrances = found
      const bound = wanted.flatMap((each) => {
        const entrance = found.get(nameOf(each))
        if (entrance === undefined) return []
        entrance.door.own = each.upstream
        if (certificate !== undefined) entrance.listener.renew(certificate)
        return [{ address: entrance.listener.address, upstream: each.upstream }]
      })
      for (const entrance of removed) void shut(entrance)
      return bound
    },
    async close(graceMs = GRACE_MS, hurry = NEVER) {
      const limit = AbortSignal.any([AbortSignal.timeout(graceMs), hurry])
      const all = [...entrances.values(), ...leaving]
      closing ??= Promise.all(all.map((entrance) => shut(entrance, limit)))
      await closing
    },
  }
}

/** Two upstreams may each want a port that the system chooses. */
function nameOf({ address, upstream }: Wanted): string {
  const name = describeAddress(address)
  return name.endsWith(':0') ? `${name} ${upstream?.host.name ?? ''}` : name
}

/** The port is taken, by ourselves: the message of the system would send the operator elsewhere. */
function refuseChangeOfTls(entrances: ReadonlyMap<string, unknown>, { address }: Wanted): void {
  const name = describeAddress(address)
  const other = name.startsWith('tls://') ? name.slice('tls://'.length) : `tls://${name}`
  if (!entrances.has(other)) return
  throw new PurserError('not-allowed', `${other} cannot become ${name} while it is listened on`, {
    hint: 'restart purser serve',
  })
}
