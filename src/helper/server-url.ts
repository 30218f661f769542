import { type Host, isDockerHub, tryParseHost } from '../model/host.ts'
import { urlName } from '../vault/spelling.ts'
import { DEFAULT_ENTRY } from '../vault/vault.ts'

/** What a docker client means by a server URL. */
export interface ServerUrl {
  /**
   * `host`: a registry, or a repository there, over https. `key`: a place of its own, answered by
   * what was stored under this very URL and by nothing else.
   */
  readonly kind: 'host' | 'key'
  readonly host: Host
  /** Whether the client wrote a port, be it the default one. */
  readonly hasPort: boolean
  /** The repository, or the first components of its path; empty for the whole registry. */
  readonly path: string
  /** The name of the vault's entry that is stored under this URL. */
  readonly entry: string
}

/**
 * `[scheme:] [//] authority [/path] [?query]`, a loose RFC 3986: clients send bare hosts too. No
 * fragment, no backslash, no white space: where one parser ends the host, another goes on.
 */
const SERVER_URL =
  /^(?:(?:(?<scheme>[a-z][a-z0-9+.-]*):)?\/\/)?(?<authority>[^/?#\\\s]+)(?<path>\/[^?#\\\s]*)?(?<query>\?[^#\\\s]*)?$/i

const HAS_PORT = /:[0-9]+$/

/** Path characters of RFC 3986 3.3 without `%`: no escaped slash or newline gets past a match. */
const PATH_COMPONENT = /^[A-Za-z0-9._~!$&'()*+,;=:@-]+$/

/**
 * Reads what docker clients send: `host[:port]`, `host/repository`, or a URL of these.
 *
 * @returns `undefined` for what names no registry: a helper then has no credential for it.
 * @see https://github.com/docker/docker-credential-helpers/blob/master/registryurl/parse.go
 */
export function parseServerUrl(text: string): ServerUrl | undefined {
  const parts = SERVER_URL.exec(text)?.groups
  if (parts === undefined) return undefined
  const { authority = '', query = '' } = parts
  const scheme = parts['scheme']?.toLowerCase()
  if (scheme !== undefined && scheme !== 'https' && scheme !== 'http') return undefined
  const path = parsePath(parts['path'] ?? '')
  if (path === undefined) return undefined
  if (scheme === 'http') return plainHttp(authority, path, query)
  const host = tryParseHost(authority)
  if (host === undefined) return undefined
  const hasPort = HAS_PORT.test(authority)
  if (isDockerHub(host)) return dockerHub(host, hasPort, path)
  const isBare = !text.includes('//') && query === ''
  const entry = isBare ? DEFAULT_ENTRY : urlName(scheme, host.name, path, query)
  return { kind: 'host', host, hasPort, path, entry }
}

/** Docker Hub is one registry, however it is spelled; but its own clients keep tokens below `/v1/`. */
function dockerHub(host: Host, hasPort: boolean, path: string): ServerUrl {
  if (path.startsWith('v1/')) {
    return { kind: 'key', host, hasPort, path, entry: urlName('https', 'index.docker.io', path) }
  }
  return { kind: 'host', host, hasPort, path, entry: DEFAULT_ENTRY }
}

function plainHttp(authority: string, path: string, query: string): ServerUrl | undefined {
  // The parser of hosts leaves out 443, which is https's default port: here it is 80.
  const withoutDefault = authority.replace(/:80$/, '')
  const host = tryParseHost(withoutDefault)
  if (host === undefined) return undefined
  const is443 = host.port === undefined && withoutDefault.endsWith(':443')
  const entry = urlName('http', is443 ? `${host.name}:443` : host.name, path, query)
  return { kind: 'key', host, hasPort: HAS_PORT.test(authority), path, entry }
}

/** @returns the path without outer slashes; `undefined` if it can be read in two ways. */
function parsePath(text: string): string | undefined {
  const path = text.replace(/^\//, '').replace(/\/$/, '')
  // The registry API's roots say which protocol, not which repository.
  if (path === '' || path === 'v1' || path === 'v2') return ''
  const isClear = path
    .split('/')
    .every((part) => PATH_COMPONENT.test(part) && part !== '.' && part !== '..')
  return isClear ? path : undefined
}
