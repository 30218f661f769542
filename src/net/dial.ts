import { lookup } from 'node:dns'
import { connect as netConnect, type Socket, type TcpNetConnectOpts } from 'node:net'
import { type ConnectionOptions, checkServerIdentity, connect as tlsConnect } from 'node:tls'
import { createLru } from '../cache/lru.ts'
import { PurserError } from '../model/errors.ts'
import { isAddress } from './address.ts'
import { SILENCE } from './advice.ts'
import { createGuards, type Guard } from './guard.ts'
import { createOutages } from './outage.ts'
import { createTrust } from './trust.ts'
import type { WebProxy } from './web-proxy.ts'

/** Where a request wants to go; the hostname is without brackets. */
interface Destination {
  readonly protocol: 'http:' | 'https:'
  readonly hostname: string
  readonly port: number
}

/** Whom a dialer trusts, and where it goes instead. */
export interface DialerOptions {
  /** Certificates trusted beside the runtime's own roots, PEM. */
  readonly ca: readonly string[]
  /** `host:port` to the `host:port` dialled instead, as in curl's --connect-to. */
  readonly connect: ReadonlyMap<string, string>
  /** What https goes by, unless `connect` or the proxy's own exceptions say otherwise. */
  readonly proxy?: WebProxy | undefined
  /** Resolves names that are guarded; a test's own, or the system's by default. */
  readonly resolve?: typeof lookup
  /** Default: 10 s, as undici's own. */
  readonly connectTimeoutMs?: number
  /** Milliseconds since whenever, by a clock that is never set. Default: the system's. */
  readonly uptime?: () => number
}

/** How a connection is opened. */
interface DialOptions {
  /**
   * Refuses, with code `policy` and before the first packet, an address that is not public; but not
   * one that `[connect]` gave: that is the operator's own word. Default: `none`
   */
  readonly guard?: Guard
  /**
   * `few` is {@link Trust.few}, where it knows the host, for those who then try `all`. Default: `all`
   */
  readonly roots?: Roots
  readonly signal?: AbortSignal
}

/**
 * Opens a connection, with TLS established if it is to have any.
 *
 * @throws `network` if it takes too long, or if a proxy will not; the system's error, or OpenSSL's, if
 * it cannot be made; the signal's reason
 */
export type Dial = (destination: Destination, options?: DialOptions) => Promise<Socket>

type Roots = 'all' | 'few'

/** A name that resolves to a dead address must not hold a pull for a minute. */
const CONNECT_TIMEOUT_MS = 10_000

/** A TLS session per origin: an upstream and its realm are two, and an operator has some dozens. */
const MAX_SESSIONS = 256

/**
 * The one place where sockets are opened, for undici and `node:https` alike.
 *
 * @throws `config-invalid` if `connect` names something that is not `host:port`
 */
export function createDialer({
  ca,
  connect,
  proxy,
  resolve = lookup,
  connectTimeoutMs = CONNECT_TIMEOUT_MS,
  uptime = () => performance.now(),
}: DialerOptions): Dial {
  const routes = new Map([...connect].map(([from, to]) => [from.toLowerCase(), parseEndpoint(to)]))
  const trust = createTrust(ca)
  const sessions = createLru<Buffer>(MAX_SESSIONS)
  const guards = createGuards(resolve)
  const outages = createOutages({ now: uptime })

  function openTcp(host: string, port: number, signal: AbortSignal, more: TcpOptions = {}) {
    return ready(netConnect({ ...KEPT_ALIVE, ...more, host, port }), 'connect', signal)
  }

  function secure(
    { hostname, port }: Omit<Destination, 'protocol'>,
    { roots, signal }: { readonly roots: Roots; readonly signal: AbortSignal },
    transport: ConnectionOptions,
  ): Promise<Socket> {
    const origin = originOf(hostname, port)
    const session = sessions.get(origin)
    const socket = tlsConnect({
      ...transport,
      secureContext: (roots === 'few' ? trust.few(hostname) : undefined) ?? trust.all(),
      // Said aloud, because NODE_TLS_REJECT_UNAUTHORIZED=0 changes the default.
      rejectUnauthorized: true,
      // Names only: SNI knows no addresses (RFC 6066 3).
      ...(!isAddress(hostname) && { servername: hostname }),
      // The certificate is the destination's, whatever address [connect] sends us to.
      checkServerIdentity: (_, certificate) => checkServerIdentity(hostname, certificate),
      ALPNProtocols: ['http/1.1'],
      ...(session !== undefined && { session }),
    })
    // A resumed session is not verified again, so it is kept by what it was verified for.
    socket.on('session', (next: Buffer) => sessions.set(origin, next))
    const forget = () => sessions.delete(origin)
    // Later errors say nothing about the session: undici closes every connection with one.
    socket.once('error', forget).once('secureConnect', () => socket.off('error', forget))
    return ready(socket, 'secureConnect', signal)
  }

  /** Through the proxy, which is told the name: it has rules for names, and its own way to look them up. */
  async function tunnel(
    by: WebProxy,
    { hostname, port }: Destination,
    guard: Guard,
    signal: AbortSignal,
  ): Promise<Socket> {
    const { describeProxy, openTunnel } = await import('./tunnel.ts')
    await withSignal(guards.checkName(hostname, guard), signal)
    const reach = by.secure
      ? secure(by, { roots: 'all', signal }, { ...KEPT_ALIVE, host: by.hostname, port: by.port })
      : openTcp(by.hostname, by.port, signal)
    const socket = await reach.catch((cause: unknown) => {
      signal.throwIfAborted()
      throw new PurserError('network', `cannot reach ${describeProxy(by)}`, { cause })
    })
    return openTunnel(socket, by, originOf(hostname, port), signal)
  }

  async function open(
    destination: Destination,
    { guard = 'none', roots = 'all', signal }: DialOptions & { readonly signal: AbortSignal },
  ): Promise<Socket> {
    const { protocol, hostname, port } = destination
    const route = routes.get(originOf(hostname, port))
    if (protocol === 'https:' && !route && proxy !== undefined && !proxy.spares(hostname, port)) {
      const socket = await tunnel(proxy, destination, guard, signal)
      return secure(destination, { roots, signal }, { socket })
    }
    const host = route?.hostname ?? hostname
    const checked = guard !== 'none' && route === undefined
    // An address literal is never looked up.
    if (checked) guards.checkAddress(host)
    const more = { lookup: checked ? guards.lookup : resolve }
    const at = route?.port ?? port
    return protocol === 'http:'
      ? openTcp(host, at, signal, more)
      : secure(destination, { roots, signal }, { ...KEPT_ALIVE, ...more, host, port: at })
  }

  async function openInTime(destination: Destination, options: DialOptions): Promise<Socket> {
    const limit = AbortSignal.timeout(connectTimeoutMs)
    const signal = options.signal === undefined ? limit : AbortSignal.any([options.signal, limit])
    try {
      return await open(destination, { ...options, signal })
    } catch (error) {
      options.signal?.throwIfAborted()
      if (!limit.aborted) throw error
      const what = `no connection within ${connectTimeoutMs / 1000} s`
      throw new PurserError('network', what, { hint: SILENCE })
    }
  }

  return (destination, options = {}) => {
    const origin = originOf(destination.hostname, destination.port)
    return outages.avoid(origin, () => openInTime(destination, options))
  }
}

type TcpOptions = Pick<TcpNetConnectOpts, 'lookup'>

const KEPT_ALIVE = {
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: 60_000,
  // A name whose IPv6 address leads nowhere is reached by the other one (RFC 8305).
  autoSelectFamily: true,
} as const

/** Waits until a socket is of use; nobody else need listen for its errors until then, or after. */
function ready(socket: Socket, event: string, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      socket.destroy()
      reject(signal.reason)
    }
    const done = () => signal.removeEventListener('abort', abort)
    socket.on('error', (error) => {
      done()
      reject(error)
    })
    socket.once(event, () => {
      done()
      resolve(socket)
    })
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })
}

/** A look-up cannot be stopped; nobody waits for it any more then. */
function withSignal<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

/** @throws `config-invalid` if it is not `host:port`, with brackets around an IPv6 address. */
function parseEndpoint(text: string): { readonly hostname: string; readonly port: number } {
  const match = /^(?:\[(?<v6>[^\]]+)\]|(?<name>[^:[\]]+)):(?<port>[0-9]{1,5})$/.exec(text)
  const hostname = match?.groups?.['v6'] ?? match?.groups?.['name']
  const port = Number(match?.groups?.['port'])
  if (hostname === undefined || !(port >= 1 && port <= 65_535)) {
    throw new PurserError('config-invalid', `[connect] cannot send anything to ${text}`)
  }
  return { hostname, port }
}

function originOf(hostname: string, port: number): string {
  const name = hostname.includes(':') ? `[${hostname}]` : hostname
  return `${name.toLowerCase()}:${port}`
}
