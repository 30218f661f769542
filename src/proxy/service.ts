import type { IncomingMessage, ServerResponse } from 'node:http'
import type { UpstreamConfig } from '../config/config.ts'
import { CONNECTIONS_PER_ORIGIN, type Net } from '../net/net.ts'
import type { Log } from '../observe/log.ts'
import type { RateLimits } from '../observe/rate-limits.ts'
import type { Resolver } from '../resolver.ts'
import type { Tokens } from '../token/tokens.ts'
import { endOf, logAccess } from './access.ts'
import { createAdmission } from './admit.ts'
import { createAudit } from './audit.ts'
import { createAuthorizer } from './authorize.ts'
import { createBlobReads } from './blob-reads.ts'
import { linger } from './body.ts'
import { type ConnectionQueue, createConnectionQueue } from './connection-queue.ts'
import type { Delivery } from './delivery.ts'
import { createForward } from './forward.ts'

import { type LocalAnswer, sendLocal } from './local.ts'
import { isProblem, type Problem, problem, problemOf, sendProblem } from './problem.ts'
import type { Route } from './route.ts'
import { createRoutes } from './routes.ts'

import type { Seal } from './seal.ts'
import { createStore } from './store.ts'
import type { Traffic } from './traffic.ts'
import type { UpstreamTable } from './upstreams.ts'

/** What requests are served by: a configuration's, for as long as it is in force. */
export interface ServiceOptions {
  readonly upstreams: UpstreamTable
  readonly resolver: Resolver
  readonly tokens: Tokens
  readonly net: Pick<Net, 'upstream' | 'realm' | 'open'>
  /** Is told what registries say of their limits. */
  readonly rateLimits: RateLimits
  /** Counts what passes. */
  readonly traffic: Traffic
  /** What `/metrics` answers; without, there is no such path. */
  readonly metrics?: () => Promise<LocalAnswer>
  readonly workspace: string
  /** Who is served, if it is a lease: its id. */
  readonly client?: string
  /** With whom connections are shared. Default: with nobody else. */
  readonly queue?: ConnectionQueue
  /** Names beside loopback's own by which clients may call the proxy, without port. */
  readonly hosts?: readonly string[]
  /** Is told of each request that begins and ends: what it is served by must not end before it. */
  readonly usage?: { enter(): void; leave(): void }
  readonly log: Log
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** Where a request came in. */
export interface Door {
  /** The one upstream that is served there. */
  readonly own: UpstreamConfig | undefined
  /** Whether its own file permissions say who may come: then any name is one of ours. */
  readonly open: boolean
  /** Whether it is closed to new connections, and those that there are end with what is under way. */
  readonly closing: boolean
  closeIdle(): void
}

/** What a client hears that comes on a connection that was open before. */
const STOPPING = problem(503, 'UNAVAILABLE', 'this proxy is stopping')

/** Answers a request. */
export type Service = (door: Door, req: IncomingMessage, res: ServerResponse) => Promise<void>

/** Makes what answers requests; nothing is known yet of any registry. */
export function createService(options: ServiceOptions, seal: Seal): Service {
  const { rateLimits, traffic, usage, workspace, now } = options
  const admit = createAdmission(options.hosts ?? [])
  const routeFor = createRoutes(options)
  const audit = createAudit(options)
  const authorizer = createAuthorizer({ ...options, audit })
  const { queue = createConnectionQueue({ connections: CONNECTIONS_PER_ORIGIN, now }) } = options
  const { net } = options
  const ways = { dispatcher: net.upstream, queue }
  const store = createStore({ net, queue, traffic, now })
  const blobReads = createBlobReads({ store, dispatcher: net.upstream, traffic, now })
  const forward = createForward({
    ...{ net, ways, blobReads, authorizer, seal, rateLimits, traffic, workspace, now },
  })

  function refuse(door: Door, req: IncomingMessage, res: ServerResponse): Problem | undefined {
    if (!door.closing) return admit(req, door.open)
    res.shouldKeepAlive = false
    return STOPPING
  }

  return async (door, req, res) => {
    const startedAt = now()
    usage?.enter()
    traffic.begin()
    let route: Route | undefined
    let delivery: Delivery | undefined
    try {
      const found = refuse(door, req, res) ?? (await routeFor(door, req))
      if (isProblem(found)) {
        delivery = { kind: 'problem', problem: found }
        const { denied, message } = found
        if (denied !== undefined) audit(denied, { decision: 'denied', reason: message })
      } else if (found.kind === 'local') {
        sendLocal(res, found)
      } else {
        route = found
        delivery = await forward(req, res, route)
      }
    } catch (error) {
      delivery = { kind: 'problem', problem: problemOf(error) }
    }
    traffic.end()
    usage?.leave()
    if (door.closing) res.once('close', () => door.closeIdle())
    if (delivery === undefined) return
    if (delivery.kind === 'problem' && !res.headersSent) sendProblem(res, delivery.problem)
    linger(req)
    if (route !== undefined) traffic.count(route, endOf(delivery))
    logAccess(options, req, route, delivery, now() - startedAt)
  }
}
