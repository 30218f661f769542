import type { IncomingMessage } from 'node:http'
import { type Problem, problem } from './problem.ts'
import { isAbsolute } from './way.ts'

/**
 * `localhost` is one name for many: `*.localhost` is loopback by RFC 6761 6.3, and a page of the web
 * can neither have such a name nor make one resolve to this address.
 */
const LOOPBACK = /^(?:(?:[a-z0-9-]+\.)*localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?$/

/**
 * Decides who may speak: `undefined`, or why not.
 *
 * @param open whether the request came where no page can send one, by whatever name
 */
export type Admission = (req: IncomingMessage, open?: boolean) => Problem | undefined

/**
 * Makes the check that every request passes before anything is read from it.
 *
 * Any page that a browser on this machine shows may send requests to localhost, and by DNS rebinding
 * under a name of its own: so the Host header must be one of ours, and what a browser sends is
 * refused. No registry client is a browser. A target that names a server of its own comes from
 * whoever was told that this is a proxy, which no page can tell a browser: it makes the Host header
 * void.
 *
 * @param hosts names beside loopback's own under which clients may call, without port
 * @see https://fetch.spec.whatwg.org/#origin-header for when browsers send one
 */
export function createAdmission(hosts: readonly string[]): Admission {
  const named = new Set(hosts.map((host) => host.toLowerCase()))
  return (req, open = false) => {
    const { rawHeaders } = req
    const asked: string[] = []
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const name = (rawHeaders[i] ?? '').toLowerCase()
      const value = rawHeaders[i + 1] ?? ''
      if (name === 'host') asked.push(value.toLowerCase())
      const refused = refuse(req, name, value)
      if (refused !== undefined) return refused
    }
    return open || isAbsolute(req.url ?? '') ? undefined : refuseHost(asked, named)
  }
}

function refuseHost(asked: readonly string[], named: ReadonlySet<string>): Problem | undefined {
  const [host, second] = asked
  if (second !== undefined) return problem(400, 'UNSUPPORTED', 'two Host headers')
  if (host !== undefined && (LOOPBACK.test(host) || named.has(withoutPort(host)))) return undefined
  return problem(421, 'DENIED', 'the Host header is not a name of this proxy')
}

function refuse(req: IncomingMessage, name: string, value: string): Problem | undefined {
  switch (name) {
    case 'origin':
      return problem(403, 'DENIED', 'web pages are not served')
    case 'sec-fetch-site':
      return value === 'none' || value === 'same-origin'
        ? undefined
        : problem(403, 'DENIED', 'web pages are not served')
    case 'transfer-encoding':
      // Two servers that disagree about where a body ends read two different next requests.
      return value.toLowerCase() === 'chunked' && req.httpVersion === '1.1'
        ? undefined
        : problem(400, 'UNSUPPORTED', 'the body has an encoding other than chunked')
    default:
      return undefined
  }
}

function withoutPort(host: string): string {
  return host.replace(/:[0-9]{1,5}$/, '')
}
