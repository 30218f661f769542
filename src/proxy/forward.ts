import type { IncomingMessage, ServerResponse } from 'node:http'
import { readBounded } from '../model/bytes.ts'
import type { Net } from '../net/net.ts'
import type { RateLimits } from '../observe/rate-limits.ts'
import { saysRefused } from '../token/expired.ts'
import { originOf } from '../token/upstream.ts'
import { type Authorization, type Authorizer, isSame } from './authorize.ts'
import { createBackoff } from './backoff.ts'
import type { BlobReads, Opened } from './blob-reads.ts'
import { answer, type Delivery, tryAgain, unauthorized, unreachable } from './delivery.ts'
import { expecting } from './expect.ts'
import { openLocation } from './location.ts'
import { relayAgain } from './persistence.ts'
import { problem } from './problem.ts'
import type { Outcome, Ways } from './relay.ts'
import { type Route, withoutMount } from './route.ts'
import type { Seal } from './seal.ts'
import type { Traffic } from './traffic.ts'
import { PULL_HEADERS_TIMEOUT_MS, prepareTrip, type Trip } from './trip.ts'
import { judge, type Verdict } from './verdict.ts'

/** What requests are forwarded with. */
export interface ForwardOptions {
  readonly net: Pick<Net, 'upstream' | 'open'>
  readonly ways: Ways
  readonly blobReads: BlobReads
  readonly authorizer: Authorizer
  readonly seal: Seal
  readonly rateLimits: RateLimits
  readonly traffic: Traffic
  readonly workspace: string
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/**
 * Brings a request to its registry, and the response to the client.
 *
 * @throws if there is a credential that cannot be used
 */
export type Forward = (req: IncomingMessage, res: ServerResponse, route: Route) => Promise<Delivery>

/** With what the registry is asked first. */
interface First {
  readonly path: string
  readonly authorization: Authorization
  /** Who waits to hear where a blob lies. */
  readonly opened: Extract<Opened, { readonly kind: 'onward' }>
}

const NONE: First['opened'] = { kind: 'onward', tell() {} }

/** Only what has no body is sent again: a body is never kept, so it cannot come twice. */
interface Attempt extends First {
  readonly moves: number
  readonly mayRenew: boolean
}

/** A registry commits an upload before it answers: minutes, for large layers. */
const PUSH_HEADERS_TIMEOUT_MS = 15 * 60_000
/** An error is short, and comes with its headers. */
const PROBE_BODY_TIMEOUT_MS = 5_000
const MAX_PROBE_BYTES = 64 * 1024

/** Google's registry redirects once within itself; more than a few are a loop, or a game. */
const MAX_MOVES = 5

/** Makes the way from a client to a registry and back. */
export function createForward(options: ForwardOptions): Forward {
  const { net, ways, blobReads, authorizer, seal, rateLimits, traffic, workspace, now } = options
  const backoff = createBackoff({ now })

  function send(trip: Trip, { path, authorization, opened }: Attempt): Promise<Outcome> {
    const { route, res, headers, body, startedAt } = trip
    const { header } = authorization
    return relayAgain(waysFor(trip), {
      origin: originOf(route.upstream),
      path,
      method: route.method,
      headers: header === undefined ? [...headers] : [...headers, 'authorization', header.reveal()],
      body,
      headersTimeoutMs: mayTakeLong(trip) ? PUSH_HEADERS_TIMEOUT_MS : PULL_HEADERS_TIMEOUT_MS,
      res,
      judge(status, received) {
        rateLimits.see(route.upstream.host.name, status, received)
        backoff.see(route, authorization, status, received)
        traffic.answered(route, now() - startedAt)
        const verdict = refusesMount(route, status) ?? judge(seal, route, status, received)
        tellPlace(opened, status, verdict)
        return verdict
      },
    })
  }

  function waysFor({ expects, res }: Trip): Ways {
    if (!expects) return ways
    return { ...ways, dispatcher: expecting({ net, goAhead: () => res.writeContinue() }) }
  }

  /** What cannot be mounted can be uploaded: that it comes from elsewhere, the registry need not know. */
  async function deliverMount(trip: Trip, path: string): Promise<Delivery> {
    const mounted = await deliver(trip, path).catch(() => undefined)
    const isRefused = mounted?.kind === 'problem' && mounted.problem.status < 500
    if (mounted !== undefined && !isRefused) return mounted
    const route = withoutMount(trip.route)
    return deliver({ ...trip, route }, route.path)
  }

  async function deliver(trip: Trip, path: string): Promise<Delivery> {
    const authorization = await authorizer.authorize(trip.route)
    const source = authorization.resolution?.source
    const wait = backoff.check(trip.route, authorization)
    if (wait !== undefined) return { kind: 'problem', problem: wait, source }
    return { ...(await deliverAs(trip, path, authorization)), source }
  }

  async function deliverAs(
    trip: Trip,
    path: string,
    authorization: Authorization,
  ): Promise<Delivery> {
    const { kind, method } = trip.route
    if (kind !== 'blob' || method !== 'GET')
      return tryAll(trip, { path, authorization, opened: NONE })
    const found = blobReads.open(trip, authorization)
    const opened = found instanceof Promise ? await found : found
    if (opened.kind === 'answered') return ended(trip, opened.outcome)
    try {
      return await tryAll(trip, { path, authorization, opened })
    } finally {
      // Whoever waits to hear it has waited long enough.
      opened.tell({ kind: 'untold' })
    }
  }

  async function tryAll(trip: Trip, first: First): Promise<Delivery> {
    let attempt: Attempt = { ...first, moves: 0, mayRenew: true }
    for (;;) {
      const outcome = await send(trip, attempt)
      if (outcome.kind === 'sent') return outcome
      const next = await decide(trip, attempt, outcome)
      if ('kind' in next) return next
      attempt = next
    }
  }

  /** What to try next, or how it ended. */
  async function decide(
    trip: Trip,
    attempt: Attempt,
    outcome: Outcome,
  ): Promise<Attempt | Delivery> {
    const { route, res } = trip
    switch (outcome.kind) {
      case 'moved':
        return attempt.moves === MAX_MOVES
          ? answer(502, 'UNKNOWN', `${route.upstream.host.name} redirects in a loop`)
          : { ...attempt, path: outcome.path, moves: attempt.moves + 1 }
      case 'failed':
        return unreachable(route, outcome.error, trip.body?.readableDidRead)
      case 'unauthorized':
        return renew(trip, attempt, outcome.challenges)
      case 'unclear': {
        const { status, headers } = outcome
        if (await isExpired(trip, attempt)) return renew(trip, attempt, [])
        res.writeHead(status, headers).end()
        return { kind: 'sent', status, bytes: 0 }
      }
      case 'elsewhere':
        return ended(trip, await goElsewhere(trip, attempt, outcome))
      default:
        return outcome
    }
  }

  function goElsewhere(
    trip: Trip,
    { authorization }: Attempt,
    redirect: Extract<Outcome, { readonly kind: 'elsewhere' }>,
  ): Promise<Outcome> {
    const { kind, method } = trip.route
    return method === 'HEAD' && kind === 'blob'
      ? blobReads.measure(trip, authorization, redirect)
      : blobReads.follow(trip, redirect)
  }

  async function renew(
    trip: Trip,
    attempt: Attempt,
    challenges: readonly string[],
  ): Promise<Attempt | Delivery> {
    const { route, body } = trip
    const { authorization: refused, mayRenew } = attempt
    authorizer.refused(route, refused, challenges)
    const renewed = mayRenew ? await authorizer.authorize(route) : refused
    if (isSame(renewed, refused)) {
      const nobody = await authorizer.doWithout(route, refused)
      if (nobody === undefined) return refuse(trip, refused)
      return { ...attempt, authorization: nobody, mayRenew: false }
    }
    if (body !== undefined && (body.readableDidRead || body.destroyed)) return tryAgain(route)
    return { ...attempt, authorization: renewed, mayRenew: false }
  }

  /**
   * Amazon's public registry says 401 to every HEAD of a blob, and yet it gives the blob.
   *
   * @see https://github.com/aws/containers-roadmap/issues/2671
   */
  async function refuse(trip: Trip, refused: Authorization): Promise<Delivery> {
    const { kind, method } = trip.route
    const mayBeThere = kind === 'blob' && method === 'HEAD' && refused.header !== undefined
    const told = mayBeThere ? await blobReads.tellSize(trip, refused) : undefined
    return told === undefined ? unauthorized(workspace, trip.route, refused) : ended(trip, told)
  }

  /** Asks with GET what a HEAD was refused for: only a body tells, and only a login that ends can. */
  async function isExpired(
    { route, headers }: Trip,
    { path, authorization: { header, resolution } }: Attempt,
  ): Promise<boolean> {
    if (header === undefined || resolution?.login.expiresAt === undefined) return false
    try {
      const { body, statusCode } = await net.upstream.request({
        origin: originOf(route.upstream),
        path,
        method: 'GET',
        headers: [...headers, 'authorization', header.reveal(), 'range', 'bytes=0-0'],
        headersTimeout: PULL_HEADERS_TIMEOUT_MS,
        bodyTimeout: PROBE_BODY_TIMEOUT_MS,
      })
      const text = await readBounded(body, MAX_PROBE_BYTES, () => new Error('too long'))
      return statusCode >= 400 && saysRefused(text.toString('latin1'))
    } catch {
      // Nothing was learnt: the client gets what the HEAD was answered with.
      return false
    }
  }

  return async (req, res, route) => {
    const path = route.kind === 'upload' ? openLocation(seal, route) : route.path
    if (typeof path === 'object') return { kind: 'problem', problem: path }
    const trip = prepareTrip(req, res, route, now())
    try {
      return await (route.from === undefined ? deliver(trip, path) : deliverMount(trip, path))
    } finally {
      trip.body?.destroy()
    }
  }
}

/** A registry may refuse to mount what it would take as an upload; of that, it says more itself. */
function refusesMount({ from }: Route, status: number): Verdict | undefined {
  if (from === undefined || status < 400 || status > 499 || status === 401 || status === 429) {
    return undefined
  }
  return { kind: 'problem', problem: problem(status, 'DENIED', 'the mount is refused') }
}

/** Whether a registry has something to store before it answers; to begin an upload, it has not. */
function mayTakeLong({ route, body }: Trip): boolean {
  return body !== undefined || route.method === 'PUT'
}

function tellPlace({ tell }: First['opened'], status: number, verdict: Verdict): void {
  if (verdict.kind === 'elsewhere') tell(verdict)
  else if (status === 200 || status === 206) tell({ kind: 'here' })
}

/** How it ended at a store, where nothing is tried again. */
function ended({ route }: Trip, outcome: Outcome): Delivery {
  switch (outcome.kind) {
    case 'sent':
    case 'broken':
    case 'problem':
      return outcome
    case 'failed':
      return unreachable(route, outcome.error)
    default:
      return answer(502, 'UNKNOWN', `the store of ${route.upstream.host.name} refused`)
  }
}
