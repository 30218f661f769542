import type { Dispatcher } from 'undici'
import { createFingerprint } from '../cache/fingerprint.ts'
import type { Login } from '../model/login.ts'
import { originOf } from '../token/upstream.ts'
import type { Authorization } from './authorize.ts'
import { headerOf } from './headers.ts'
import { problem } from './problem.ts'
import { judgeRedirect } from './redirect.ts'
import { type Answer, createRedirects, type Place } from './redirects.ts'
import type { Outcome } from './relay.ts'
import type { Route } from './route.ts'
import type { Store } from './store.ts'
import type { Traffic } from './traffic.ts'
import { PULL_HEADERS_TIMEOUT_MS, type Trip } from './trip.ts'

/** Reads of blobs that may lie elsewhere than at their registry. */
export interface BlobReads {
  /**
   * Answers by what is known of the blob's place, without the registry.
   *
   * @returns how it ended; else what to tell as soon as the registry has said where it lies
   */
  open(trip: Trip, authorization: Authorization): Opened | Promise<Opened>
  /** Answers with what the registry redirected to. */
  follow(trip: Trip, redirect: Elsewhere): Promise<Outcome>
  /** Answers a HEAD that the registry redirected. */
  measure(trip: Trip, authorization: Authorization, redirect: Elsewhere): Promise<Outcome>
  /**
   * Answers a HEAD with the size that the blob's store tells.
   *
   * @returns `undefined` if it tells none, or the registry does not redirect to it
   */
  tellSize(trip: Trip, authorization: Authorization): Promise<Outcome | undefined>
}

/** A request that has been answered, or that goes on to its registry. */
export type Opened =
  | { readonly kind: 'answered'; readonly outcome: Outcome }
  | { readonly kind: 'onward'; tell(place: Place): void }

type Elsewhere = Extract<Outcome, { readonly kind: 'elsewhere' }>

/** What blobs are read by. */
export interface BlobReadsOptions {
  readonly store: Store
  /** To registries. */
  readonly dispatcher: Dispatcher
  readonly traffic: Traffic
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

const SILENT: Opened = { kind: 'onward', tell() {} }

/** Makes the reads of blobs; nothing is known yet. */
export function createBlobReads(options: BlobReadsOptions): BlobReads {
  const { store, dispatcher, traffic, now } = options
  const redirects = {
    pass: createRedirects({ now, followed: false }),
    follow: createRedirects({ now, followed: true }),
  }
  const fingerprint = createFingerprint()
  const identities = new WeakMap<Login, string>()

  function identityOf({ resolution }: Authorization): string {
    if (resolution === undefined) return 'nobody'
    const { login } = resolution
    const known = identities.get(login)
    if (known !== undefined) return known
    const made = fingerprint({ username: login.username, secret: login.secret })
    identities.set(login, made)
    return made
  }

  function keyOf({ upstream, repository, reference }: Route, authorization: Authorization): string {
    return `${upstream.host.name} ${repository} ${reference} ${identityOf(authorization)}`
  }

  function ask({ route }: Trip, key: string): Answer {
    return redirects[route.upstream.redirects].ask(key)
  }

  /** The client is sent there, or gets what is there; `unauthorized` if it is no longer good. */
  async function serve(trip: Trip, url: URL): Promise<Outcome> {
    return trip.route.upstream.redirects === 'pass'
      ? sendThere(trip, 307, headersFor(trip, url))
      : store.fetch(trip, url, false)
  }

  /** Asks the registry where a GET of the blob would lead. */
  async function locate(trip: Trip, { header }: Authorization): Promise<URL | undefined> {
    const { route, headers } = trip
    const authorized = header === undefined ? [] : ['authorization', header.reveal()]
    const {
      statusCode,
      headers: received,
      body,
    } = await dispatcher.request({
      origin: originOf(route.upstream),
      path: route.path,
      method: 'GET',
      headers: [...headers, ...authorized, 'range', 'bytes=0-0'],
      signal: AbortSignal.timeout(PULL_HEADERS_TIMEOUT_MS),
    })
    body.on('error', () => undefined).destroy()
    const location = headerOf(received, 'location')
    if (statusCode < 300 || statusCode > 399 || location === undefined) return undefined
    const redirect = judgeRedirect(route, location)
    return redirect.kind === 'pass' ? redirect.url : undefined
  }

  async function openStored(trip: Trip, key: string): Promise<Opened> {
    const answer = ask(trip, key)
    if (answer.kind === 'lead') return { kind: 'onward', tell: answer.tell }
    const url = answer.kind === 'known' ? answer.url : await answer.told
    if (url === undefined) return SILENT
    const outcome = await serve(trip, url)
    if (outcome.kind !== 'unauthorized') {
      traffic.redirected(trip.route, 'hit')
      return { kind: 'answered', outcome }
    }
    traffic.redirected(trip.route, 'rejected')
    redirects[trip.route.upstream.redirects].drop(key, url)
    const again = ask(trip, key)
    return again.kind === 'lead' ? { kind: 'onward', tell: again.tell } : SILENT
  }

  async function urlOf(trip: Trip, authorization: Authorization): Promise<URL | undefined> {
    const answer = ask(trip, keyOf(trip.route, authorization))
    if (answer.kind === 'known') return answer.url
    if (answer.kind === 'wait') return answer.told
    const url = await locate(trip, authorization).catch(() => undefined)
    if (answer.kind === 'lead') {
      answer.tell(
        url === undefined ? { kind: 'untold' } : { kind: 'elsewhere', url, date: undefined },
      )
    }
    return url
  }

  async function tellSize(trip: Trip, authorization: Authorization): Promise<Outcome | undefined> {
    const { res, route } = trip
    const url = await urlOf(trip, authorization)
    const size = url && (await store.measure(trip, url).catch(() => undefined))
    if (size === undefined) return undefined
    res.writeHead(200, [
      ...['content-length', String(size), 'content-type', 'application/octet-stream'],
      ...['docker-content-digest', route.reference, 'oci-namespace', route.upstream.host.name],
    ])
    res.end()
    return { kind: 'sent', status: 200, bytes: 0 }
  }

  return {
    open(trip, authorization) {
      const key = keyOf(trip.route, authorization)
      const isDirect = redirects[trip.route.upstream.redirects].isDirect(key)
      return isDirect ? SILENT : openStored(trip, key)
    },
    async follow(trip, { url, status, headers }) {
      traffic.redirected(trip.route, 'missed')
      if (trip.route.upstream.redirects === 'pass') return sendThere(trip, status, headers)
      return store.fetch(trip, url, true)
    },
    async measure(trip, authorization, { status, headers }) {
      const { route } = trip
      const sent = await tellSize(trip, authorization)
      if (sent !== undefined) return sent
      if (route.upstream.redirects === 'pass') return sendThere(trip, status, headers)
      const told = `the store of ${route.upstream.host.name} does not tell the size of a blob`
      return { kind: 'problem', problem: problem(502, 'UNKNOWN', told) }
    },
    tellSize,
  }
}

function sendThere({ res }: Trip, status: number, headers: string[]): Outcome {
  res.writeHead(status, headers).end()
  return { kind: 'sent', status, bytes: 0 }
}

function headersFor({ route }: Trip, { href }: URL): string[] {
  return [
    ...['location', href, 'content-length', '0'],
    ...['docker-content-digest', route.reference, 'oci-namespace', route.upstream.host.name],
  ]
}
