import type { ListenAddress, UpstreamConfig } from '../config/config.ts'
import { describeAddress, isSocket } from './listener.ts'

/** An address that is listened on, and the upstream that it is for alone. */
export interface Bound {
  readonly address: ListenAddress
  readonly upstream: UpstreamConfig | undefined
}

/** Who names a registry in which way: those that need no more than a name come first. */
const BY_NAME = 'docker, buildah, skopeo, podman, crane'
const BY_NS = 'containerd, in hosts.toml'
const BY_PORT = 'stargz, SOCI, nydus'
const WIDTH = BY_NAME.length + 2

/** Tells, for each upstream, what each kind of client is to be given for it. */
export function describeWays(
  upstreams: readonly UpstreamConfig[],
  bound: readonly Bound[],
): string {
  const shared = bound.find(({ address, upstream }) => upstream === undefined && !isSocket(address))
  const any = shared === undefined ? [] : [describeAny(shared.address)]
  const known = upstreams.map((upstream) => {
    const own = bound.find((each) => each.upstream?.host.name === upstream.host.name)
    return describeUpstream(upstream, shared?.address, own?.address)
  })
  return [...known, ...any].map((lines) => `${lines.join('\n')}\n`).join('')
}

function describeUpstream(
  { host, alias }: UpstreamConfig,
  shared: ListenAddress | undefined,
  own: ListenAddress | undefined,
): readonly string[] {
  const place = shared && nameOf(shared)
  const words = [host.name.replace(':', '_'), alias].filter((word) => word !== undefined)
  const names = place === undefined ? [] : words.map((word) => `${place}/${word}/REPOSITORY`)
  return [
    host.name,
    ...(names.length === 0 ? [] : [row(BY_NAME, names.join(' or '))]),
    ...(shared === undefined ? [] : [row(BY_NS, `server = "${originOf(shared)}"`)]),
    ...(own === undefined
      ? []
      : [row(BY_PORT, isSocket(own) ? describeAddress(own) : nameOf(own))]),
  ]
}

function describeAny(shared: ListenAddress): readonly string[] {
  return ['any other registry with a credential', row(BY_NAME, `${nameOf(shared)}/HOST/REPOSITORY`)]
}

function row(who: string, what: string): string {
  return `  ${who.padEnd(WIDTH)}${what}`
}

/** As part of an image's name: `localhost` is what clients take for safe without TLS. */
function nameOf(address: ListenAddress): string {
  return isSocket(address) ? address.path : `localhost:${address.port}`
}

function originOf(address: ListenAddress): string {
  if (isSocket(address)) return describeAddress(address)
  const text = describeAddress(address)
  return address.tls === true ? text.replace('tls:', 'https:') : `http://${text}`
}
