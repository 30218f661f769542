import { isIP } from 'node:net'
import { parse as parseToml } from 'smol-toml'
import * as v from 'valibot'
import type { Config, ListenAddress, UpstreamConfig } from './config.ts'
import { defaultConfig, resolveBeside } from './config.ts'
import { PurserError } from './model/errors.ts'
import { quote, tryParseHost } from './model/host.ts'
import { nearest } from './model/nearest.ts'
import type { Paths } from './paths.ts'

/** Far more than a node has registries; each costs a listener or a line in a table. */
const MAX_LIST = 1000

const host = v.pipe(
  v.string(),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const parsed = tryParseHost(dataset.value)
    if (parsed !== undefined) return parsed
    addIssue({ message: 'must be a registry host such as ghcr.io or localhost:5000' })
    return NEVER
  }),
)

const listen = v.pipe(
  v.string(),
  v.rawTransform(({ dataset, addIssue, NEVER }): ListenAddress => {
    const parsed = parseListen(dataset.value)
    if (typeof parsed !== 'string') return parsed
    addIssue({ message: parsed })
    return NEVER
  }),
)

const endpoint = v.pipe(
  v.string(),
  v.regex(/^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}$/, 'must be host:port'),
)

const origin = v.pipe(
  v.string(),
  v.check(isOrigin, 'must be an origin such as https://auth.example.com'),
)

const list = <T extends v.GenericSchema>(item: T) => v.pipe(v.array(item), v.maxLength(MAX_LIST))

const upstream = v.strictObject({
  host,
  alias: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[a-z0-9]+(?:[._-][a-z0-9]+)*$/, 'must be lower-case letters, digits, . _ or -'),
    ),
  ),
  listen: v.optional(listen),
  actions: v.optional(list(v.picklist(['pull', 'push', 'delete'])), ['pull', 'push']),
  tls: v.optional(v.boolean(), true),
  realms: v.optional(list(origin), []),
  on_fault: v.optional(v.picklist(['fail', 'anonymous']), 'fail'),
})

const file = v.strictObject({
  vault: v.optional(
    v.strictObject({
      url: v.optional(
        v.pipe(v.string(), v.startsWith('sqlite:', 'must be sqlite:default or sqlite:PATH')),
        'sqlite:default',
      ),
      key: v.optional(
        v.pipe(v.string(), v.regex(/^(file|env|systemd):./, 'must be file:, env: or systemd:')),
        'file:default',
      ),
    }),
    {},
  ),
  proxy: v.optional(v.strictObject({ listen: v.optional(list(listen)) }), {}),
  upstream: v.optional(list(upstream), []),
  build_registry: v.optional(v.strictObject({ host, repository: v.optional(v.string()) })),
  connect: v.optional(v.record(endpoint, endpoint), {}),
  tls: v.optional(v.strictObject({ ca: v.optional(list(v.string()), []) }), {}),
})

/**
 * Parses a configuration file.
 *
 * @param path - the file's, for messages and for what is relative to it
 * @throws `config-invalid`, naming the file and the key
 */
export function parseConfig(text: string, path: string, paths: Paths): Config {
  const result = v.safeParse(file, readToml(text, path), { abortEarly: true })
  if (!result.success) throw invalid(path, result.issues[0])
  const { vault, proxy, upstream, build_registry, connect, tls } = result.output
  const defaults = defaultConfig(paths)
  const upstreams = upstream.map(
    ({ on_fault, alias, listen, ...rest }): UpstreamConfig => ({
      ...rest,
      alias,
      listen,
      onFault: on_fault,
    }),
  )
  refuseTwins(upstreams, path)
  return {
    vault: {
      path: fileOf(vault.url, 'sqlite:', path) ?? defaults.vault.path,
      key: keyOf(vault.key, path) ?? defaults.vault.key,
    },
    proxy: { listen: proxy.listen ?? defaults.proxy.listen },
    upstreams,
    buildRegistry: build_registry && {
      host: build_registry.host,
      repository: build_registry.repository,
    },
    connect: new Map(Object.entries(connect).map(([from, to]) => [from.toLowerCase(), to])),
    tls: { ca: tls.ca.map((ca) => resolveBeside(path, ca)) },
  }
}

/**
 * Parses `address:port`, of the loopback interface.
 *
 * @returns a message if it cannot be listened on
 */
export function parseListen(text: string): ListenAddress | string {
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

function readToml(text: string, path: string): unknown {
  try {
    return parseToml(text)
  } catch (error) {
    const at = error instanceof Error && 'line' in error ? ` in line ${error.line}` : ''
    // The parser's own message quotes the file over several lines.
    throw new PurserError('config-invalid', `${path} is not TOML${at}`)
  }
}

function invalid(path: string, issue: v.BaseIssue<unknown>): PurserError {
  const dotted = (issue.path ?? []).map(({ key }) => String(key)).join('.')
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    return unknownKey(path, dotted, issue)
  }
  if (issue.received === 'undefined') {
    return new PurserError('config-invalid', `${path}: ${dotted} is missing`)
  }
  const received = typeof issue.input === 'string' ? `, not ${quote(issue.input)}` : ''
  return new PurserError('config-invalid', `${path}: ${dotted} ${demand(issue, dotted)}${received}`)
}

/** What a value must be, in the words of TOML rather than of the parser. */
function demand({ message, expected }: v.BaseIssue<unknown>, dotted: string): string {
  if (message.startsWith('must ')) return message
  if (expected === 'Object') return `must be a table, as in [${dotted}]`
  if (expected !== 'Array') return `must be ${expected}`
  return dotted === 'upstream'
    ? 'must be tables, each as [[upstream]]'
    : 'must be a list, as in ["…"]'
}

function unknownKey(path: string, dotted: string, issue: v.BaseIssue<unknown>): PurserError {
  const word = dotted.split('.').at(-1) ?? dotted
  const meant = nearest(word, keysAt(issue.path ?? []))
  return new PurserError('config-invalid', `${path}: ${dotted} is not a key that purser knows`, {
    hint: meant === undefined ? 'see docs/configuration.md for the keys' : `did you mean ${meant}?`,
  })
}

/** The keys that a table of the file may have, by the path of one that it may not. */
function keysAt(path: readonly v.IssuePathItem[]): readonly string[] {
  const tables: Record<string, v.ObjectEntries> = {
    '': file.entries,
    vault: file.entries.vault.wrapped.entries,
    proxy: file.entries.proxy.wrapped.entries,
    upstream: upstream.entries,
    build_registry: file.entries.build_registry.wrapped.entries,
    tls: file.entries.tls.wrapped.entries,
  }
  const table = path.length > 1 ? String(path[0]?.key) : ''
  return Object.keys(tables[table] ?? {})
}

/** Two tables for one host, alias or port would leave it to their order which one counts. */
function refuseTwins(upstreams: readonly UpstreamConfig[], path: string): void {
  const seen = new Set<string>()
  for (const { host, alias, listen } of upstreams) {
    const port = listen === undefined || listen.port === 0 ? undefined : `port ${listen.port}`
    for (const name of [host.name, alias, port]) {
      if (name === undefined) continue
      if (seen.has(name)) {
        throw new PurserError('config-invalid', `${path}: two upstreams share ${name}`)
      }
      seen.add(name)
    }
  }
}

function fileOf(url: string, scheme: string, path: string): string | undefined {
  const rest = url.slice(scheme.length)
  return rest === 'default' ? undefined : resolveBeside(path, rest)
}

function keyOf(key: string, path: string): string | undefined {
  if (!key.startsWith('file:')) return key
  const named = fileOf(key, 'file:', path)
  return named === undefined ? undefined : `file:${named}`
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text && /^https?:/.test(text)
}
