import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { ListenAddress, UpstreamConfig } from '../config/config.ts'
import { PurserError, systemCode } from '../model/errors.ts'
import { CONNECTIONS_PER_ORIGIN, type Net } from '../net/net.ts'
import type { Log } from '../observe/log.ts'
import type { RateLimits } from '../observe/rate-limits.ts'
import type { Resolver } from '../resolver.ts'
import type { Tokens } from '../token/tokens.ts'
import { logAccess } from './access.ts'
import { createAdmission } from './admit.ts'
import { createAuthorizer } from './authorize.ts'
import { linger } from './body.ts'
import { type CrowdOptions, createCrowd } from './crowd.ts'
import { createForward, type Delivery } from './forward.ts'
import { answerHere, type LocalAnswer, sendLocal } from './local.ts'
import { isProblem, type Problem, problemOf, sendProblem } from './problem.ts'
import { type Route, routeOf } from './route.ts'
import { createSeal } from './seal.ts'
import type { UpstreamTable } from './upstreams.ts'
import { wayOf } from './way.ts'

/** What the proxy is made of. */
export interface ProxyOptions {
  readonly upstreams: UpstreamTable
  readonly resolver: Resolver
  readonly tokens: Tokens
  readonly net: Pick<Net, 'upstream'>
  /** Is told what registries say of their limits. */
  readonly rateLimits: RateLimits
  readonly workspace: string
  /** How long a connection may stand still in the middle of a request. Default: 20 min. */
  readonly stallTimeoutMs?: number
  /** Default: as many connections as an origin has, and 30 s of patience. */
  readonly crowd?: Partial<Pick<CrowdOptions, 'connections' | 'patienceMs'>>
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
 * Limits that fit layers of many gigabytes, and clients that keep connections for later.
 *
 * @see https://nodejs.org/api/http.html#httpcreateserveroptions-requestlistener
 */
const LIMITS = {
  // Node's 300 s end every upload that takes longer: 408, in the middle of a layer.
  requestTimeout: 0,
  headersTimeout: 60_000,
  // Longer than any client's own (Go's is 90 s): who closes first must not be the server, or a
  // request that is on its way meets a closed door.
  keepAliveTimeout: 120_000,
  // Google's registry makes upload URLs of a kilobyte and headers to match; Node's limit is 16 KiB.
  maxHeaderSize: 128 * 1024,
  // Most requests have no body: they go without a stream for it.
  optimizeEmptyRequests: true,
} as const

/**
 * A client that neither reads nor writes any more holds a connection, to us and to the registry, even
 * while nobody else wants it. Longer than a registry may take to commit an upload: the client
 * is silent then too.
 */
const STALL_TIMEOUT_MS = 20 * 60_000

/** How long a transfer may go on once the proxy is told to stop; service managers allow 90 s. */
const GRACE_MS = 10_000

/** Makes a proxy that listens nowhere yet. */
export function createProxy(options: ProxyOptions): Proxy {
  const { upstreams, rateLimits, workspace, log, now, stallTimeoutMs = STALL_TIMEOUT_MS } = options
  const admit = createAdmission(options.hosts ?? [])
  const authorizer = createAuthorizer(options)
  const crowd = createCrowd({ connections: CONNECTIONS_PER_ORIGIN, now, ...options.crowd })
  const ways = { dispatcher: options.net.upstream, crowd }
  const forward = createForward({ ways, authorizer, seal: createSeal(), rateLimits, workspace })
  const servers = new Set<Server>()
  let closing = false

  async function serve(own: UpstreamConfig | undefined, req: IncomingMessage, res: ServerResponse) {
    const startedAt = now()
    let route: Route | undefined
    let delivery: Delivery
    try {
      const found = admit(req) ?? (await findRoute(own, req))
      if (isProblem(found)) {
        delivery = { kind: 'problem', problem: found }
      } else if (found.kind === 'local') {
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
    logAccess(log, req.method, route, delivery, now() - startedAt)
    if (closing) res.once('close', closeIdle)
  }

  async function findRoute(
    own: UpstreamConfig | undefined,
    { method = '', url = '', headers: { host } }: IncomingMessage,
  ): Promise<LocalAnswer | Route | Problem> {
    const here = answerHere(method, url)
    if (here !== undefined) return here
    const found = wayOf(upstreams, own, { url, host })
    const way = found instanceof Promise ? await found : found
    if (isProblem(way)) return way
    const local = way.url === url ? undefined : answerHere(method, way.url)
    return local ?? routeOf(upstreams, way.own, method, way.url)
  }

  function closeIdle(): void {
    for (const server of servers) server.closeIdleConnections()
  }

  return {
    async listen(address, own) {
      const onRequest: RequestListener = (req, res) => void serve(own, req, res)
      const server = createServer(LIMITS, onRequest)
      // Node would answer 100 by itself; forwarding does, once it is sure that the body is wanted.
      server.on('checkContinue', onRequest)
      server.timeout = stallTimeoutMs
      servers.add(server)
      return listen(server, address)
    },
    async close(graceMs = GRACE_MS) {
      closing = true
      await Promise.all([...servers].map((server) => closeServer(server, graceMs)))
    },
  }
}

function listen(server: Server, { address, port }: ListenAddress): Promise<ListenAddress> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const told = `cannot listen on ${address}:${port}`
      const taken = systemCode(cause) === 'EADDRINUSE'
      const hint = taken ? 'stop what listens there, or choose a port with --listen' : undefined
      reject(new PurserError('network', told, { cause, hint }))
    })
    server.listen({ host: address, port }, () => {
      const bound = server.address()
      resolve({ address, port: bound === null || typeof bound === 'string' ? port : bound.port })
    })
  })
}

function closeServer(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), graceMs)
    server.close(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}
