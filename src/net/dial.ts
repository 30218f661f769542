import { type LookupAddress, type LookupOptions, lookup } from 'node:dns'
import {
  type LookupFunction,
  connect as netConnect,
  Socket,
  type TcpNetConnectOpts,
} from 'node:net'
import { checkServerIdentity, type TLSSocket, connect as tlsConnect } from 'node:tls'
import { createLru } from '../cache/lru.ts'
import { PurserError } from '../model/errors.ts'
import { isAddress, isPublicAddress } from './address.ts'
import { SILENCE } from './advice.ts'
import { createTrust } from './trust.ts'

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
  /** Resolves names that are guarded; a test's own, or the system's by default. */
  readonly resolve?: typeof lookup
  /** Default: 10 s, as undici's own. */
  readonly connectTimeoutMs?: number
}

/**
 * Opens a connection; the socket emits `connect` or `secureConnect`, or `error`.
 *
 * @param guarded - refuses an address that is not public, with code `policy`, before the first
 * packet; not so an address that `[connect]` gave: that is the operator's own word.
 * @param roots - `few` is {@link Trust.few}, where it knows the host, for those who then try `all`.
 * Default: `all`
 */
export type Dial = (destination: Destination, guarded: boolean, roots?: Roots) => Socket

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
  resolve = lookup,
  connectTimeoutMs = CONNECT_TIMEOUT_MS,
}: DialerOptions): Dial {
  const routes = new Map([...connect].map(([from, to]) => [from.toLowerCase(), parseEndpoint(to)]))
  const trust = createTrust(ca)
  const sessions = createLru<Buffer>(MAX_SESSIONS)
  const guardedLookup = createGuardedLookup(resolve)

  function secure(hostname: string, port: number, tcp: TcpNetConnectOpts, roots: Roots): TLSSocket {
    const origin = originOf(hostname, port)
    const session = sessions.get(origin)
    const socket = tlsConnect({
      ...tcp,
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
    return socket.once('error', forget).once('secureConnect', () => socket.off('error', forget))
  }

  return ({ protocol, hostname, port }, guarded, roots = 'all') => {
    const route = routes.get(originOf(hostname, port))
    const host = route?.hostname ?? hostname
    const checked = guarded && route === undefined
    // An address literal is never looked up.
    if (checked && isAddress(host) && !isPublicAddress(host)) {
      return new Socket().destroy(notPublic(hostname, host))
    }
    const tcp = {
      host,
      port: route?.port ?? port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 60_000,
      ...(checked && { lookup: guardedLookup }),
    }
    if (protocol === 'http:') return within(connectTimeoutMs, netConnect(tcp), 'connect')
    return within(connectTimeoutMs, secure(hostname, port, tcp, roots), 'secureConnect')
  }
}

function within(timeoutMs: number, socket: Socket, event: string): Socket {
  const timer = setTimeout(() => {
    const error = new PurserError('network', `no connection within ${timeoutMs / 1000} s`, {
      hint: SILENCE,
    })
    socket.destroy(error)
  }, timeoutMs)
  const stop = () => clearTimeout(timer)
  return socket.once(event, stop).once('close', stop)
}

/**
 * Looks a name up and refuses it if any of its addresses is not public.
 *
 * The check is here and not on the URL because a public name may resolve to 169.254.169.254, and
 * to another address each time it is asked: what is checked must be what is dialled.
 *
 * @see https://github.com/google/go-containerregistry/issues/2440
 */
function createGuardedLookup(resolve: typeof lookup): LookupFunction {
  return (hostname, options: LookupOptions, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      if (error !== null) return callback(error, [])
      const refused = addresses.find(({ address }) => !isPublicAddress(address))
      if (refused !== undefined) return callback(notPublic(hostname, refused.address), [])
      const [first] = addresses
      if (options.all === true || first === undefined) return callback(null, addresses)
      callback(null, first.address, first.family)
    })
  }
}

function notPublic(hostname: string, address: string): PurserError {
  const at = hostname === address ? address : `${hostname} at ${address}`
  return new PurserError('policy', `refused to connect to ${at}: not a public address`, {
    hint: "if it is yours, add its origin to the upstream's realms",
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
