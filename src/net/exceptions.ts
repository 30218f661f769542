import { BlockList, isIPv4, isIPv6 } from 'node:net'

/** Whether a destination is to be reached without the proxy; the hostname is without brackets. */
export type Exceptions = (hostname: string, port: number) => boolean

/**
 * Parses what NO_PROXY says, as Go's programs do, docker and containerd among them: `corp.example` is the
 * domain and all below it, `.corp.example` and `*.corp.example` all below it; an address, a block of
 * them as `10.0.0.0/8`, any of these but a block with `:port` behind it, or `*` for everything. What is
 * none of these matches nothing.
 *
 * @param entries - each of which may hold several, between commas or white space
 * @returns what spares this machine itself too, whatever the entries say
 * @see https://pkg.go.dev/golang.org/x/net/http/httpproxy#Config
 */
export function parseExceptions(entries: readonly string[]): Exceptions {
  const rules = entries
    .flatMap((entry) => entry.toLowerCase().split(/[\s,]+/))
    .filter((entry) => entry !== '')
    .flatMap((entry) => parseRule(entry) ?? [])
  return (hostname, port) => {
    const name = hostname.toLowerCase()
    return isLoopback(name) || rules.some((matches) => matches(name, port))
  }
}

function parseRule(entry: string): Exceptions | undefined {
  if (entry === '*') return () => true
  const [, net = '', bits] = /^([0-9a-f.:]+)\/([0-9]{1,3})$/.exec(entry) ?? []
  if (bits !== undefined) return blockRule(net, Number(bits))
  const [, v6, named, digits] =
    /^(?:\[([0-9a-f.:]+)\]|([^:[\]]+))(?::([0-9]{1,5}))?$/.exec(entry) ?? []
  // An IPv6 address may stand there without brackets, and without a port then.
  const host = v6 ?? named ?? (familyOf(entry) === 6 ? entry : undefined)
  if (host === undefined) return undefined
  const matches =
    familyOf(host) === 0 ? domainRule(host) : blockRule(host, familyOf(host) === 4 ? 32 : 128)
  if (digits === undefined) return matches
  return (hostname, port) => port === Number(digits) && matches?.(hostname, port) === true
}

function blockRule(net: string, bits: number): Exceptions | undefined {
  const family = familyOf(net)
  if (family === 0 || bits > (family === 4 ? 32 : 128)) return undefined
  const kind = family === 4 ? 'ipv4' : 'ipv6'
  const block = new BlockList()
  block.addSubnet(net, bits, kind)
  return (hostname) => familyOf(hostname) === family && block.check(hostname, kind)
}

function domainRule(entry: string): Exceptions {
  const below = entry.replace(/^\*(?=\.)/, '')
  if (below.startsWith('.')) return (hostname) => hostname.endsWith(below)
  return (hostname) => hostname === below || hostname.endsWith(`.${below}`)
}

/** A proxy would reach itself under these names. */
function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '::1' ||
    (isIPv4(hostname) && hostname.startsWith('127.'))
  )
}

/** Not by Node's `isIP`, which compiles its expression for IPv6, in 5 ms, for names too. */
function familyOf(host: string): 0 | 4 | 6 {
  if (isIPv4(host)) return 4
  return host.includes(':') && isIPv6(host) ? 6 : 0
}
