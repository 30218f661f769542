import { PurserError } from './errors.ts'

/** A registry's host, parsed and canonical: two spellings of one registry are one `name`. */
export interface Host {
  /** Canonical and unique: lower case, `docker.io` for every Docker Hub alias, `:port` unless 443. */
  readonly name: string
  /** The name without the port; an IPv6 address without its brackets. */
  readonly hostname: string
  /** `undefined` means the scheme's default. */
  readonly port: number | undefined
}

/** Docker Hub answers to all of these, and its clients send any of them. */
const DOCKER_HUB_ALIASES = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io'])

/** A DNS name has at most 253 characters (RFC 1035 2.3.4), a port five digits and a colon. */
const MAX_HOST_LENGTH = 253 + 6

const DNS_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/
const PORT = /^[1-9][0-9]{0,4}$/

/**
 * Parses `host[:port]`, and nothing that surrounds it: no scheme, user, path, query or white space.
 *
 * @throws `host-invalid`. What cannot be parsed belongs to no registry, so look-alikes such as
 * `ghcr.io@evil.example` or `ghcr.io#.evil.example` end here.
 * @see https://pkg.go.dev/github.com/distribution/reference for the grammar
 */
export function parseHost(text: string): Host {
  const host = tryParseHost(text)
  if (host === undefined) {
    throw new PurserError('host-invalid', `cannot read ${quote(text)} as a registry host`, {
      hint: 'write host or host:port, as in ghcr.io or localhost:5000',
    })
  }
  return host
}

/** Like {@link parseHost}, with `undefined` for what is not a host. */
export function tryParseHost(text: string): Host | undefined {
  // The Kelvin sign in lower case is a k: only ASCII has no letters that become others.
  if (text.length > MAX_HOST_LENGTH || !/^[!-~]+$/.test(text)) return undefined
  const lower = text.toLowerCase()
  const split = lower.startsWith('[') ? splitBracketed(lower) : splitName(lower)
  if (split === undefined) return undefined
  const { hostname, portText } = split
  if (DOCKER_HUB_ALIASES.has(hostname) && (portText === undefined || portText === '443')) {
    return { name: 'docker.io', hostname: 'docker.io', port: undefined }
  }
  const port = portText === undefined ? undefined : parsePort(portText)
  if (portText !== undefined && port === undefined) return undefined
  return hostOf(hostname, port === 443 ? undefined : port)
}

function hostOf(hostname: string, port: number | undefined): Host {
  const bracketed = hostname.includes(':') ? `[${hostname}]` : hostname
  return { name: port === undefined ? bracketed : `${bracketed}:${port}`, hostname, port }
}

function splitBracketed(text: string): { hostname: string; portText?: string } | undefined {
  const end = text.indexOf(']')
  const hostname = text.slice(1, end)
  const rest = text.slice(end + 1)
  // One address has many spellings (RFC 5952): URL writes the canonical one. It knows no zone ids
  // (`%eth0`), which name an interface of one machine and never a registry.
  const url = `http://[${hostname}]`
  if (end === -1 || !/^[0-9a-f:.]+$/.test(hostname) || !URL.canParse(url)) return undefined
  const canonical = new URL(url).hostname.slice(1, -1)
  if (rest === '') return { hostname: canonical }
  return rest.startsWith(':') ? { hostname: canonical, portText: rest.slice(1) } : undefined
}

function splitName(text: string): { hostname: string; portText?: string } | undefined {
  const colon = text.indexOf(':')
  const hostname = colon === -1 ? text : text.slice(0, colon)
  if (hostname.length > 253 || !hostname.split('.').every((label) => DNS_LABEL.test(label))) {
    return undefined
  }
  return colon === -1 ? { hostname } : { hostname, portText: text.slice(colon + 1) }
}

function parsePort(text: string): number | undefined {
  if (!PORT.test(text)) return undefined
  const port = Number(text)
  return port <= 65_535 ? port : undefined
}

/** What docker calls Docker Hub, in its configuration and towards helpers. */
export const DOCKER_HUB_URL = 'https://index.docker.io/v1/'

/** Whether this is Docker Hub, by whatever name. */
export function isDockerHub(host: Host): boolean {
  return host.name === 'docker.io'
}

/**
 * The repository as the registry knows it: Docker Hub keeps official images below `library/`, where
 * no client writes them.
 */
export function repositoryAt(host: Host, name: string): string {
  return isDockerHub(host) && !name.includes('/') ? `library/${name}` : name
}

/**
 * Docker's rule for what is a host and what the first part of a repository's name: a dot, a port, or
 * `localhost`.
 *
 * @see https://pkg.go.dev/github.com/distribution/reference#ParseNormalizedNamed
 */
export function looksLikeHost(text: string): boolean {
  return /[.:]/.test(text) || text === 'localhost'
}

/** Where the registry's API listens: Docker Hub's name is not its address. */
export function apiHost(host: Host): string {
  return isDockerHub(host) ? 'registry-1.docker.io' : host.name
}

/** A token may stand where the user does: `https://TOKEN@host`. */
const USER_OF_URL = /^((?:[a-z][a-z0-9+.-]*:)?\/\/)[^/]*@/i
/** A password may have any character: what follows the colon is none if it is a port, or a tag. */
const USER_AND_PASSWORD = /^((?:[a-z][a-z0-9+.-]*:)?\/\/)?[^/@:]*:(?!\/\/|\d{1,5}\/).*@(?!sha\d+:)/i

/**
 * Text from outside, safe to show: one line, printable, at most 80 characters, and nothing of a
 * password that somebody wrote before an `@`.
 */
export function quote(text: string): string {
  const anonymous = text.replace(USER_OF_URL, '$1…@').replace(USER_AND_PASSWORD, '$1…@')
  const shown = anonymous.length > 80 ? `${anonymous.slice(0, 80)}…` : anonymous
  return JSON.stringify(shown).replace(/[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, '?')
}
