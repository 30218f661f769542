import type { ListenAddress, UpstreamConfig } from '../config/config.ts'
import { describeAddress, isSocket } from './listener.ts'

/** An address that is listened on, and the upstream that it is for alone. */
export interface Bound {
  readonly address: ListenAddress
  readonly upstream: UpstreamConfig | undefined
}

/** Who is told of a registry in which way: those that need no more than a name come first. */
const BY_NAME = 'docker, buildah, skopeo, podman, crane'
const BY_HOSTS = 'containerd, in hosts.toml'
const BY_BACKEND = 'nydusd, in its backend'
const BY_MIRROR = 'docker, in daemon.json'
const BY_PORT = 'stargz, SOCI, and what takes only a host'
const WIDTH = BY_PORT.length + 2

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
  const word = host.name.replace(':', '_')
  const byPath = shared === undefined ? [] : describePath(shared, word, alias)
  const byPort = own === undefined ? [] : describePort(own, host.name)
  return [host.name, ...byPath, ...byPort]
}

function describePath(
  shared: ListenAddress,
  word: string,
  alias: string | undefined,
): readonly string[] {
  const place = nameOf(shared)
  const words = alias === undefined ? [word] : [word, alias]
  return [
    row(BY_NAME, words.map((each) => `${place}/${each}/REPOSITORY`).join(' or ')),
    ...describeHosts(shared, word),
    row(
      BY_BACKEND,
      `"scheme": "${schemeOf(shared)}", "host": "${place}", "repo": "${word}/REPOSITORY"`,
    ),
  ]
}

function describePort(own: ListenAddress, host: string): readonly string[] {
  const place = isSocket(own) ? describeAddress(own) : nameOf(own)
  // The one registry that docker asks a mirror for.
  const mirror = host === 'docker.io' && !isSocket(own)
  const url = `${schemeOf(own)}://${place}`
  return [
    row(BY_PORT, place),
    ...(mirror ? [row(BY_MIRROR, `"registry-mirrors": ["${url}"]`)] : []),
  ]
}

function describeAny(shared: ListenAddress): readonly string[] {
  return [
    'any other registry with a credential',
    row(BY_NAME, `${nameOf(shared)}/HOST/REPOSITORY`),
    ...describeHosts(shared, 'HOST'),
  ]
}

/**
 * By `ns` alone, containerd pushes only since 2.3; without `server`, it passes by what fails; and without
 * a `host`, it passes by the whole file before 1.7.
 *
 * @see https://github.com/containerd/containerd/blob/main/docs/hosts.md
 */
function describeHosts(shared: ListenAddress, word: string): readonly string[] {
  const origin = originOf(shared)
  return [
    row(BY_HOSTS, `server = "${origin}"`),
    row('', `[host."${origin}/v2/${word}"]`),
    row('', 'override_path = true'),
  ]
}

function row(who: string, what: string): string {
  return `  ${who.padEnd(WIDTH)}${what}`
}

function schemeOf(address: ListenAddress): 'http' | 'https' {
  return !isSocket(address) && address.tls === true ? 'https' : 'http'
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
