import { isIP } from 'node:net'
import { isAbsolute } from 'node:path'
import type { ListenAddress } from './config.ts'

/**
 * Parses `address:port` of the loopback interface, `tls://` before it for TLS, or `unix:PATH`.
 *
 * @returns a message if it cannot be listened on
 */
export function parseListen(text: string): ListenAddress | string {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length)
    return isAbsolute(path) ? { path } : 'must be unix: and an absolute path'
  }
  const tls = text.startsWith('tls://')
  const parsed = parseTcp(tls ? text.slice('tls://'.length) : text)
  return tls && typeof parsed !== 'string' ? { ...parsed, tls } : parsed
}

function parseTcp(text: string): { readonly address: string; readonly port: number } | string {
  const match = /^(?:\[(?<v6>[^\]]+)\]|(?<v4>[^:]+)):(?<port>[0-9]{1,5})$/.exec(text)
  const named = match?.groups?.['v6'] ?? match?.groups?.['v4']
  const port = Number(match?.groups?.['port'])
  if (named === undefined || port > 65_535) return 'must be address:port, as in 127.0.0.1:5000'
  const address = named === 'localhost' ? '127.0.0.1' : named
  if (isIP(address) === 0) return 'must be an IP address and a port, as in 127.0.0.1:5000'
  // Whoever reaches an open proxy acts with its credentials: this machine alone may.
  if (!address.startsWith('127.') && address !== '::1') return 'must be a loopback address'
  return { address, port }
}
