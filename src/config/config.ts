import { dirname, isAbsolute, join } from 'node:path'
import type { AwsRole } from '../model/credential.ts'
import type { Host } from '../model/host.ts'
import type { Action } from '../model/target.ts'
import type { Paths } from './paths.ts'
import type { VaultPlace } from './vault-url.ts'

/** What the proxy listens on. */
export type ListenAddress = TcpAddress | SocketAddress

/** `address:port`; port 0 lets the system choose one. */
interface TcpAddress {
  readonly address: string
  readonly port: number
  /** Whether clients are to speak TLS there. */
  readonly tls?: true
}

/** A unix socket, for processes of this user. */
export interface SocketAddress {
  readonly path: string
}

/** The files of what listeners that speak TLS show their clients. */
export interface CertificateFiles {
  readonly cert: string
  readonly key: string
}

/** A registry that the proxy may reach, and how. */
export interface UpstreamConfig {
  readonly host: Host
  /** Stands for the host as first component of a path. */
  readonly alias: string | undefined
  /** A port of its own, for clients that send neither path nor `ns`. */
  readonly listen: ListenAddress | undefined
  /** Default: pull and push. */
  readonly actions: readonly Action[]
  /** Globs, of which a repository must match one: `*` within a component, `**` across. Empty: all. */
  readonly repositories: readonly string[]
  /** `false` is plain http. Default: `true`. */
  readonly tls: boolean
  /** Origins beside the registry's own that its credentials may go to for a token. Default: none. */
  readonly realms: readonly string[]
  /** Whether clients follow its redirects by themselves. Default: `pass`. */
  readonly redirects: 'pass' | 'follow'
  /** Origins to which its redirects are followed here although they are not public. Default: none. */
  readonly storage: readonly string[]
  /** What a client gets when a credential is there and cannot be used. Default: `fail`. */
  readonly onFault: 'fail' | 'anonymous'
  /** What kind of registry it is, where its name cannot tell: GitHub Enterprise runs anywhere. */
  readonly registry: 'ghcr' | 'generic' | undefined
}

/** Which of the machine's own identities a registry's login is made from. */
export interface IdentityConfig {
  readonly host: Host
  /** The repositories that it is for, by the first components of their path; empty for all. */
  readonly prefix: string
  /** Of the AWS configuration files; `undefined` for what the environment or the machine gives. */
  readonly profile: string | undefined
  readonly role: AwsRole | undefined
}

/** Where credentials lie around on a machine, in the order in which they are asked. */
export const AMBIENT_SOURCES = ['docker', 'containers', 'environment', 'cloud'] as const
/** One of {@link AMBIENT_SOURCES}. */
export type AmbientSource = (typeof AMBIENT_SOURCES)[number]

/** Whether what lies around on the machine answers where nobody has said which credential to use. */
export interface AmbientConfig {
  /** Default: `false`. */
  readonly enabled: boolean
  /** Which, and in which order. Default: all. */
  readonly sources: readonly AmbientSource[]
  /** Whether it, and the `[[identity]]` tables, may be lent to container requests. Default: `false`. */
  readonly requests: boolean
}

/** When credentials are tried, and who hears of a change. */
export interface HealthConfig {
  /** How often the agent tries each entry; `undefined` never. */
  readonly intervalMs: number | undefined
  /** A program and its arguments, given the event as JSON on stdin. */
  readonly onChange: readonly [string, ...string[]] | undefined
}

/** Where a platform pushes what it builds, and with whose credential. */
export interface BuildRegistryConfig {
  readonly host: Host
  /** With all below it; `undefined` for the whole registry. */
  readonly repository: string | undefined
  /** The vault's workspace that has its entry. Default: `default`. */
  readonly workspace: string
  /** The entry's name, or the machine's own identity. Default: as for any other question. */
  readonly credential: { readonly entry: string } | 'vault' | 'ambient'
  /** What a login is to have left when a container gets it. Default: half of its life. */
  readonly minLifeMs: number | undefined
  /**
   * Whether a lease whose request has brought a login gets another when that ends. Default: `false`,
   * because whoever writes the request could make one up.
   */
  readonly renew: boolean
}

/** How this network is left. */
export interface NetConfig {
  /** The URL of a proxy for https, without a login, or whether the environment names one. */
  readonly proxy: 'environment' | 'none' | (string & {})
  /** `file:PATH` or `env:NAME` of the proxy's `user:password`. */
  readonly proxyAuth: string | undefined
  /** What is reached without the proxy, each as in `NO_PROXY`. */
  readonly noProxy: readonly string[]
}

/** Everything that can be set, parsed and checked; see docs/configuration.md. */
export interface Config {
  readonly vault: {
    readonly place: VaultPlace
    /**
     * `file:PATH`, `env:NAME`, `systemd:NAME` or `command:PROGRAM`, with `file:default` already made a
     * path.
     */
    readonly key: string
    /** `file:PATH`, `env:NAME` or `systemd:NAME` of the database's password. */
    readonly password: string | undefined
  }
  readonly proxy: {
    readonly listen: readonly ListenAddress[]
    readonly certificate: CertificateFiles | undefined
    /** Names beside loopback's own by which clients may call the proxy, without port. */
    readonly hosts: readonly string[]
    /** How long transfers may go on once the program is told to stop. Default: 10 s, as docker waits. */
    readonly drainMs: number
    /** Who may use it: any process of the machine, leases alone, or who knows its password. */
    readonly clientAuth: 'open' | 'lease' | 'basic'
    /** `file:PATH` or `env:NAME` of that password. */
    readonly clientSecret: string | undefined
  }
  readonly upstreams: readonly UpstreamConfig[]
  /** Whose credential `build_registry_credentials` of a request is. */
  readonly buildRegistry: BuildRegistryConfig | undefined
  /** Explicit choices among the machine's own identities: they hold without `[ambient]`. */
  readonly identities: readonly IdentityConfig[]
  readonly ambient: AmbientConfig
  readonly health: HealthConfig
  readonly net: NetConfig
  /** `host:port` to the `host:port` dialled instead, as in curl's --connect-to. */
  readonly connect: ReadonlyMap<string, string>
  /** Files of PEM certificates, trusted beside the runtime's own roots. */
  readonly tls: { readonly ca: readonly string[] }
}

/** What holds where no file says otherwise. */
export function defaultConfig(paths: Paths): Config {
  return {
    vault: {
      place: { engine: 'sqlite', path: paths.vault },
      key: `file:${paths.key}`,
      password: undefined,
    },
    proxy: {
      listen: [{ address: '127.0.0.1', port: 5000 }],
      certificate: undefined,
      hosts: [],
      clientAuth: 'open',
      clientSecret: undefined,
      drainMs: 10_000,
    },
    upstreams: [],
    buildRegistry: undefined,
    identities: [],
    ambient: { enabled: false, sources: AMBIENT_SOURCES, requests: false },
    health: { intervalMs: undefined, onChange: undefined },
    net: { proxy: 'environment', proxyAuth: undefined, noProxy: [] },
    connect: new Map(),
    tls: { ca: [] },
  }
}

/** How a registry is reached of which the configuration says nothing. */
export function defaultUpstream(host: Host): UpstreamConfig {
  return {
    host,
    alias: undefined,
    listen: undefined,
    actions: ['pull', 'push'],
    repositories: [],
    tls: true,
    realms: [],
    redirects: 'pass',
    storage: [],
    onFault: 'fail',
    registry: undefined,
  }
}

/** How a registry is reached, whether or not the configuration says anything of it. */
export function upstreamOf(upstreams: readonly UpstreamConfig[], host: Host): UpstreamConfig {
  return upstreams.find((each) => each.host.name === host.name) ?? defaultUpstream(host)
}

/** A relative path in the file is relative to the file. */
export function resolveBeside(file: string, path: string): string {
  return isAbsolute(path) ? path : join(dirname(file), path)
}
