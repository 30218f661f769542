import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import { createSecureContext } from 'node:tls'
import { claimSocket, protectSocket, type SocketClaim } from '../agent/socket.ts'
import type { ListenAddress, SocketAddress } from '../config/config.ts'
import { PurserError, systemCode } from '../model/errors.ts'

/** What a listener that speaks TLS shows its clients. */
export interface ServerCertificate {
  /** PEM, with what leads to the root behind it. */
  readonly cert: string
  /** PEM */
  readonly key: string
}

/** What every listener of a proxy shares. */
export interface ListenerOptions {
  readonly onRequest: RequestListener
  /** How long a connection may stand still in the middle of a request. */
  readonly stallTimeoutMs: number
  readonly certificate: ServerCertificate | undefined
  /** Whose socket a unix socket must be. */
  readonly uid: number
}

/** One address that is listened on. */
export interface Listener {
  /** With the port that it got. */
  readonly address: ListenAddress
  closeIdle(): void
  /** Shows another certificate from the next connection on. */
  renew(certificate: ServerCertificate): void
  /** Listens no more; what is under way may go on until the limit aborts, if there is one. */
  close(limit?: AbortSignal): Promise<void>
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
  // Said aloud: a parser that forgives reads other requests than the registry's.
  insecureHTTPParser: false,
  // Most requests have no body: they go without a stream for it.
  optimizeEmptyRequests: true,
} as const

/**
 * Listens on an address.
 *
 * @throws `network` if it is taken; `config-invalid` if it is to speak TLS and there is no certificate
 * that could be shown; of a unix socket, `not-allowed` and `unsafe-file` as the agent's
 */
export async function startListener(
  address: ListenAddress,
  options: ListenerOptions,
): Promise<Listener> {
  const claim = isSocket(address) ? claimSocket(address.path, options.uid) : undefined
  try {
    const server = makeServer(address, options)
    const bound = await listen(server, address)
    if (isSocket(address)) protectSocket(address.path)
    return {
      address: bound,
      closeIdle: () => server.closeIdleConnections(),
      renew(certificate) {
        if ('setSecureContext' in server) server.setSecureContext(certificate)
      },
      close: (limit) => close(server, limit, claim),
    }
  } catch (error) {
    claim?.release()
    throw error
  }
}

/** Whether it is a path rather than an address and a port. */
export function isSocket(address: ListenAddress): address is SocketAddress {
  return 'path' in address
}

function makeServer(address: ListenAddress, options: ListenerOptions): Server | TlsServer {
  const { onRequest, stallTimeoutMs } = options
  const server =
    isSocket(address) || address.tls !== true
      ? createServer(LIMITS, onRequest)
      : createTlsServer({ ...LIMITS, ...shown(options), minVersion: 'TLSv1.2' }, onRequest)
  // Node would answer 100 by itself; forwarding does, once it is sure that the body is wanted.
  server.on('checkContinue', onRequest)
  server.timeout = stallTimeoutMs
  return server
}

/** Checks that a certificate and its key can be used by a TLS server. @throws `config-invalid` */
export function checkCertificate(certificate: ServerCertificate): ServerCertificate {
  try {
    createSecureContext(certificate)
    return certificate
  } catch (cause) {
    const what = 'cert and key of [proxy] are not a certificate and its key'
    throw new PurserError('config-invalid', what, { cause })
  }
}

function shown({ certificate }: ListenerOptions): ServerCertificate {
  if (certificate !== undefined) return checkCertificate(certificate)
  throw new PurserError(
    'config-invalid',
    'a listener is to speak TLS and there is no certificate',
    {
      hint: 'name the files in cert and key of [proxy]',
    },
  )
}

function listen(server: Server | TlsServer, address: ListenAddress): Promise<ListenAddress> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const told = `cannot listen on ${describeAddress(address)}`
      const taken = systemCode(cause) === 'EADDRINUSE'
      const hint = taken ? 'stop what listens there, or choose a port with --listen' : undefined
      reject(new PurserError('network', told, { cause, hint }))
    })
    const where = isSocket(address) ? { path: address.path } : hostOf(address)
    server.listen(where, () => {
      const bound = server.address()
      const port = bound === null || typeof bound === 'string' ? undefined : bound.port
      resolve(isSocket(address) || port === undefined ? address : { ...address, port })
    })
  })
}

function hostOf({ address, port }: { readonly address: string; readonly port: number }) {
  return { host: address, port }
}

/** As it stands in the configuration. */
export function describeAddress(address: ListenAddress): string {
  if (isSocket(address)) return `unix:${address.path}`
  const { address: ip, port, tls } = address
  const text = ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`
  return tls === true ? `tls://${text}` : text
}

function close(
  server: Server | TlsServer,
  limit: AbortSignal | undefined,
  claim: SocketClaim | undefined,
): Promise<void> {
  return new Promise((resolve) => {
    const cut = () => server.closeAllConnections()
    server.close(() => {
      limit?.removeEventListener('abort', cut)
      claim?.release()
      resolve()
    })
    if (limit?.aborted === true) cut()
    else limit?.addEventListener('abort', cut, { once: true })
  })
}
