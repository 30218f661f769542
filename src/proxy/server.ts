import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { ListenAddress, UpstreamConfig } from '../config/config.ts'
import { CONNECTIONS_PER_ORIGIN, type Net } from '../net/net.ts'
import type { Log } from '../observe/log.ts'
import type { RateLimits } from '../observe/rate-limits.ts'
import type { Resolver } from '../resolver.ts'
import type { Tokens } from '../token/tokens.ts'
import { endOf, logAccess } from './access.ts'
import { createAdmission } from './admit.ts'
import { createAuthorizer } from './authorize.ts'
import { createBlobReads } from './blob-reads.ts'
import { linger } from './body.ts'
import { type CrowdOptions, createCrowd } from './crowd.ts'
import { createForward, type Delivery } from './forward.ts'
import { isSocket, type Listener, type ServerCertificate, startListener } from './listener.ts'
import { answerHere, type LocalAnswer, sendLocal } from './local.ts'
import { isProblem, type Problem, problemOf, sendProblem } from './problem.ts'
import { type Route, routeOf } from './route.ts'
import { createSeal } from './seal.ts'
import { createStore } from './store.ts'
import type { Traffic } from './traffic.ts'
import type { UpstreamTable } from './upstreams.ts'
import { wayOf } from './way.ts'

/** What the proxy is made of. */
export interface ProxyOptions {
  readonly upstreams: UpstreamTable
  readonly resolver: Resolver
  readonly tokens: Tokens
  readonly net: Pick<Net, 'upstream' | 'realm'>
  /** Is told what registries say of their limits. */
  readonly rateLimits: RateLimits
  /** Counts what passes. */
  readonly traffic: Traffic
  /** What `/metrics` answers; without, there is no such path. */
  readonly metrics?: () => Promise<LocalAnswer>
  readonly workspace: string
  /** How long a connection may stand still in the middle of a request. Default: 20 min. */
  readonly stallTimeoutMs?: number
  /** Default: as many connections as an origin has, and 30 s of patience. */
  readonly crowd?: Partial<Pick<CrowdOptions, 'connections' | 'patienceMs'>>
  /** For listeners that speak TLS. */
  readonly certificate?: ServerCertificate
  /** Whose a unix socket must be. */
  readonly uid?: number
  /** Names beside loopback's own by which clients may call the proxy, without port. */
  readonly hosts?: readonly string[]
  readonly log: Log
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** The registry proxy. */
export interface Proxy {
  /**
   * Listens on one more address.
   *
   * @param own the one upstream that is served there, for clients that name none
   * @returns the address with the port that it got
   */
  listen(address: ListenAddress, own?: UpstreamConfig): Promise<ListenAddress>
  /** Stops listening, and gives what is under way a while to end. */
  close(graceMs?: number): Promise<void>
}

/**
 * A client that neither reads nor writes any more holds a connection, to us and to the registry, even
 * while nobody else wants it. Longer than a registry may take to commit an upload: the client
 * is silent then too.
 */
const STALL_TIMEOUT_MS = 20 * 60_000

/** How long a transfer may go on once the proxy is told to stop; service managers allow 90 s. */
const GRACE_MS = 10_000

/** Where a request came in. */
interface Door {
  /** The one upstream that is served there. */
  readonly own: UpstreamConfig | undefined
  /** Whether its own file permissions say who may come: then any name is one of ours. */
  readonly open: boolean
}

/** Makes a proxy that listens nowhere yet. */
export function createProxy(options: ProxyOptions): Proxy {
  const { upstreams, rateLimits, traffic, workspace, now } = options
  const { stallTimeoutMs = STALL_TIMEOUT_MS } = options
  const admit = createAdmission(options.hosts ?? [])
  const authorizer = createAuthorizer(options)
  const crowd = createCrowd({ connections: CONNECTIONS_PER_ORIGIN, now, ...options.crowd })
  const { net } = options
  const ways = { dispatcher: net.upstream, crowd }
  const store = createStore({ net, crowd, traffic, now })
  const blobReads = createBlobReads({ store, dispatcher: net.upstream, traffic, now })
  const seal = createSeal()
  const forward = createForward({
    ...{ ways, blobReads, authorizer, seal, rateLimits, traffic, workspace, now },
  })
  const { certificate, uid = 0 } = options
  const listening = { stallTimeoutMs, certificate, uid }
  const listeners = new Set<Listener>()
  let closing: Promise<unknown> | undefined

  async function serve(door: Door, req: IncomingMessage, res: ServerResponse) {
    const startedAt = now()
    traffic.begin()
    let route: Route | undefined
    let delivery: Delivery
    try {
      const found = admit(req, door.open) ?? (await findRoute(door, req))
      if (isProblem(found)) {
        delivery = { kind: 'problem', problem: found }
      } else if (found.kind === 'local') {
        traffic.end()
        return sendLocal(res, found)
      } else {
        route = found
        delivery = await forward(req, res, route)
      }
    } catch (error) {
      delivery = { kind: 'problem', problem: problemOf(error) }
    }
    if (delivery.kind === 'problem' && !res.headersSent) sendProblem(res, delivery.problem)
    linger(req)
    traffic.end()
    if (route !== undefined) traffic.count(route, endOf(delivery))
    logAccess(options, req.method, route, delivery, now() - startedAt)
    if (closing !== undefined) res.once('close', closeIdle)
  }

  async function findRoute(
    { own, open }: Door,
    { method = '', url = '', headers: { host } }: IncomingMessage,
  ): Promise<LocalAnswer | Route | Problem> {
    const here = answerHere(method, url, options.metrics)
    if (here !== undefined) return here
    const found = wayOf(upstreams, own, { url, host, open })
    const way = found instanceof Promise ? await found : found
    if (isProblem(way)) return way
    const local = way.url === url ? undefined : answerHere(method, way.url)
    return local ?? routeOf(upstreams, way.own, method, way.url)
  }

  function closeIdle(): void {
    for (const listener of listeners) listener.closeIdle()
  }

  return {
    async listen(address, own) {
      const open = isSocket(address)
      const onRequest: RequestListener = (req, res) => void serve({ own, open }, req, res)
      const listener = await startListener(address, { ...listening, onRequest })
      listeners.add(listener)
      return listener.address
    },
    async close(graceMs = GRACE_MS) {
      closing ??= Promise.all([...listeners].map((listener) => listener.close(graceMs)))
      await closing
    },
  }
}
