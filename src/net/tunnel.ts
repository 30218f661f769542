import { request } from 'node:http'
import type { Socket } from 'node:net'
import { PurserError } from '../model/errors.ts'
import type { WebProxy } from './web-proxy.ts'

/** No proxy has more to say of itself than a registry has. */
const MAX_HEADER_BYTES = 16 * 1024

/**
 * Has a proxy connect to a destination, and takes over the connection.
 *
 * @param socket - a connection to the proxy, which is destroyed if this fails
 * @returns it, with the destination at its other end
 * @throws `network` if the proxy will not, or does not answer as one; the signal's reason
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6
 */
export async function openTunnel(
  socket: Socket,
  proxy: WebProxy,
  authority: string,
  signal: AbortSignal,
): Promise<Socket> {
  try {
    return await askFor(socket, proxy, authority, signal)
  } catch (error) {
    socket.destroy()
    signal.throwIfAborted()
    if (error instanceof PurserError) throw error
    throw new PurserError('network', `${describeProxy(proxy)} gave no answer`, { cause: error })
  }
}

/** As an operator knows it; never its login. */
export function describeProxy({ hostname, port }: WebProxy): string {
  const name = hostname.includes(':') ? `[${hostname}]` : hostname
  return `the proxy ${name}:${port}`
}

function askFor(
  socket: Socket,
  proxy: WebProxy,
  authority: string,
  signal: AbortSignal,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const { authorization } = proxy
    const asked = request({
      method: 'CONNECT',
      path: authority,
      headers: {
        host: authority,
        'user-agent': 'purser',
        ...(authorization && { 'proxy-authorization': authorization.reveal() }),
      },
      createConnection: () => socket,
      maxHeaderSize: MAX_HEADER_BYTES,
      signal,
    })
    asked.once('error', reject)
    // A proxy that answers with a body as to any other request.
    asked.once('response', ({ statusCode }) => reject(refused(proxy, authority, statusCode)))
    asked.once('connect', ({ statusCode = 0 }, connected: Socket, head: Buffer) => {
      if (statusCode < 200 || statusCode > 299) return reject(refused(proxy, authority, statusCode))
      // Nobody has said anything to the destination yet: it is the proxy that speaks in its name.
      if (head.length > 0) return reject(talksOutOfTurn(proxy))
      resolve(connected)
    })
    asked.end()
  })
}

function refused(proxy: WebProxy, authority: string, status: number | undefined): PurserError {
  const who = describeProxy(proxy)
  if (status === 407) {
    return proxy.authorization === undefined
      ? new PurserError('network', `${who} wants a login, status 407`, {
          hint: 'name a file that holds user:password in proxy_auth of [net]',
        })
      : new PurserError('network', `${who} refused its login, status 407`, {
          hint: 'see whether it is still good, and whether the proxy takes Basic',
        })
  }
  return new PurserError('network', `${who} will not connect to ${authority}, status ${status}`, {
    hint: 'have it allowed there, or, if it is to be reached without, add it to NO_PROXY',
  })
}

function talksOutOfTurn(proxy: WebProxy): PurserError {
  return new PurserError('network', `${describeProxy(proxy)} sent more than an answer`)
}
