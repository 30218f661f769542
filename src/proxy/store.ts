import type { Dispatcher } from 'undici'
import type { IncomingHttpHeaders } from 'undici/types/header.js'
import type { UpstreamConfig } from '../config/config.ts'
import type { Net } from '../net/net.ts'
import { originOf } from '../token/upstream.ts'
import type { ConnectionQueue } from './connection-queue.ts'
import { headerOf, headersToClient, headersToStore } from './headers.ts'
import { relayAgain } from './persistence.ts'
import { problem } from './problem.ts'
import { isRedirect } from './redirect.ts'
import type { Outcome } from './relay.ts'
import type { Traffic } from './traffic.ts'
import { PULL_HEADERS_TIMEOUT_MS, type Trip } from './trip.ts'
import type { Verdict } from './verdict.ts'

/** Where registries keep what they redirect to: object stores and what is in front of them. */
export interface Store {
  /**
   * Streams what a URL leads to, without any credential.
   *
   * @param fresh whether the registry has only just said it: one that is refused then is refused
   * @returns `unauthorized` if it is refused and may be stale
   */
  fetch(trip: Trip, url: URL, fresh: boolean): Promise<Outcome>
  /** How many bytes a URL leads to; `undefined` if the store does not tell. */
  measure(trip: Trip, url: URL): Promise<number | undefined>
}

/** What a store is reached by. */
export interface StoreOptions {
  readonly net: Pick<Net, 'realm'>
  readonly queue: ConnectionQueue
  readonly traffic: Traffic
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** Stores redirect once, to a region; more than a few are a loop. */
const MAX_HOPS = 5
/** As long as a registry is given. */
const MEASURE_TIMEOUT_MS = 30_000

/**
 * What a store says of a signature that has ended. Amazon's is 400 for a session that has, and
 * Google's 400 is for several ranges at once.
 */
const REFUSALS = new Set([400, 401, 403, 404, 410])

/** Makes the way to the stores. */
export function createStore({ net, queue, traffic, now }: StoreOptions): Store {
  /**
   * Whoever speaks for a registry could send us to the services of this network: so only where
   * everybody may go, where the registry itself is, or where the operator said.
   */
  function dispatcherFor(upstream: UpstreamConfig, { origin, hostname }: URL): Dispatcher {
    const own = new URL(originOf(upstream)).hostname
    const allowPrivate = hostname === own || upstream.storage.includes(origin)
    return net.realm({ allowPrivate })
  }

  function send(trip: Trip, url: URL, fresh: boolean): Promise<Outcome> {
    const { route, res, headers } = trip
    return relayAgain(
      { dispatcher: dispatcherFor(route.upstream, url), queue },
      {
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: 'GET',
        headers: headersToStore(headers),
        body: undefined,
        headersTimeoutMs: PULL_HEADERS_TIMEOUT_MS,
        res,
        judge(status, received) {
          traffic.answered(route, now() - trip.startedAt)
          return judgeStored(trip, { url, fresh }, status, received)
        },
      },
    )
  }

  return {
    async fetch(trip, url, fresh) {
      let at = url
      for (let hop = 0; hop < MAX_HOPS; hop++) {
        const outcome = await send(trip, at, fresh)
        if (outcome.kind !== 'elsewhere') return outcome
        at = outcome.url
      }
      const told = `the store of ${trip.route.upstream.host.name} redirects in a loop`
      return { kind: 'problem', problem: problem(502, 'UNKNOWN', told) }
    },
    async measure({ route, headers }, url) {
      const {
        statusCode,
        headers: received,
        body,
      } = await dispatcherFor(route.upstream, url).request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        // What is signed for GET is no good for HEAD: https://github.com/moby/moby/issues/50065
        method: 'GET',
        headers: [...headersToStore(headers), 'range', 'bytes=0-0'],
        signal: AbortSignal.timeout(MEASURE_TIMEOUT_MS),
      })
      // A store that knows no ranges would send the whole.
      body.on('error', () => undefined).destroy()
      return sizeOf(statusCode, received)
    },
  }
}

interface Stored {
  readonly url: URL
  readonly fresh: boolean
}

function judgeStored(
  { route, headers: asked }: Trip,
  { url, fresh }: Stored,
  status: number,
  headers: IncomingHttpHeaders,
): Verdict {
  const { name } = route.upstream.host
  const refuse = (what: string): Verdict => ({
    kind: 'problem',
    problem: problem(502, 'UNKNOWN', `the store of ${name} ${what}`),
  })
  if (isRedirect(status)) {
    const next = URL.parse(headerOf(headers, 'location') ?? '', url.href)
    const lower = url.protocol === 'https:' && next?.protocol !== 'https:'
    if (next === null || lower) return refuse('redirected to where nobody follows')
    return { kind: 'elsewhere', url: next, status, headers: [], date: undefined }
  }
  if (!fresh && REFUSALS.has(status) && !(status === 400 && asksForSeveral(asked))) {
    return { kind: 'unauthorized', challenges: [] }
  }
  // Not for the client to answer: it was not the client who was refused.
  if (status === 401 || status === 403) return refuse(`refused with status ${status}`)
  const passed = headersToClient(headers)
  if (headers['content-type'] === undefined) passed.push('content-type', 'application/octet-stream')
  if (route.kind === 'blob' && headers['docker-content-digest'] === undefined) {
    passed.push('docker-content-digest', route.reference)
  }
  passed.push('oci-namespace', name)
  return { kind: 'pass', headers: passed }
}

/** Google's store answers 400 to more than one range, and clients then ask for one. */
function asksForSeveral(headers: readonly string[]): boolean {
  const at = headers.indexOf('range')
  return at !== -1 && headers[at + 1]?.includes(',') === true
}

function sizeOf(status: number, headers: IncomingHttpHeaders): number | undefined {
  const text =
    status === 200
      ? headerOf(headers, 'content-length')
      : /\/([0-9]+)$/.exec(headerOf(headers, 'content-range') ?? '')?.[1]
  const told = status === 200 || status === 206 || status === 416
  return told && text !== undefined && /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined
}
