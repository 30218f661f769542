import { parse as parseToml } from 'smol-toml'
import * as v from 'valibot'
import { PurserError } from '../model/errors.ts'
import { isRepository } from '../model/grammar.ts'
import { quote, tryParseHost } from '../model/host.ts'
import { nearest } from '../model/nearest.ts'
import {
  type Config,
  defaultConfig,
  type HealthConfig,
  type IdentityConfig,
  type ListenAddress,
  resolveBeside,
  type UpstreamConfig,
} from './config.ts'
import { parseListen } from './listen.ts'
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

/** `host` or `host/prefix`. */
const place = v.pipe(
  v.string(),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const slash = dataset.value.indexOf('/')
    const end = slash === -1 ? dataset.value.length : slash
    const parsed = tryParseHost(dataset.value.slice(0, end))
    const prefix = dataset.value.slice(end + 1)
    if (parsed !== undefined && (prefix === '' || isRepository(prefix))) {
      return { host: parsed, prefix }
    }
    addIssue({ message: 'must be a registry host, or host/prefix, as in ghcr.io/acme' })
    return NEVER
  }),
)

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html */
const ROLE_ARN = /^arn:aws[a-z-]*:iam::[0-9]{12}:role\/[\w+=,.@/-]{1,512}$/
/** @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html */
const SESSION_NAME = /^[\w+=,.@-]{2,64}$/

const name = v.pipe(v.string(), v.nonEmpty('must not be empty'), v.maxLength(1224))

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
  registry: v.optional(v.picklist(['ghcr', 'generic'])),
})

const identity = v.pipe(
  v.strictObject({
    host: place,
    profile: v.optional(name),
    role_arn: v.optional(v.pipe(v.string(), v.regex(ROLE_ARN, 'must be the ARN of a role'))),
    external_id: v.optional(name),
    session_name: v.optional(
      v.pipe(
        v.string(),
        v.regex(SESSION_NAME, 'must be 2 to 64 letters, digits, _ + = , . @ or -'),
      ),
    ),
  }),
  v.transform(
    ({ host, profile, role_arn: arn, external_id, session_name }): IdentityConfig => ({
      ...host,
      profile,
      role:
        arn === undefined ? undefined : { arn, externalId: external_id, sessionName: session_name },
    }),
  ),
)

const ambient = v.strictObject({
  enabled: v.optional(v.boolean(), false),
  requests: v.optional(v.boolean(), false),
})

const health = v.pipe(
  v.strictObject({
    interval_minutes: v.optional(v.pipe(v.number(), v.minValue(1, 'must be 1 or more'))),
    on_change: v.optional(
      v.union([
        v.pipe(
          v.string(),
          v.transform((program) => [program] as const),
        ),
        v.pipe(v.tupleWithRest([v.string()], v.string()), v.readonly()),
      ]),
    ),
  }),
  v.transform(
    ({ interval_minutes: minutes, on_change }): HealthConfig => ({
      intervalMs: minutes === undefined ? undefined : minutes * 60_000,
      onChange: on_change,
    }),
  ),
)

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
  identity: v.optional(list(identity), []),
  ambient: v.optional(ambient, {}),
  health: v.optional(health, {}),
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
  const { vault, proxy, upstream, build_registry, identity, ambient, health, connect, tls } =
    result.output
  const defaults = defaultConfig(paths)
  const upstreams = upstream.map(
    ({ on_fault, alias, listen, registry, ...rest }): UpstreamConfig => ({
      ...rest,
      alias,
      listen,
      registry,
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
    identities: identity,
    ambient,
    health,
    connect: new Map(Object.entries(connect).map(([from, to]) => [from.toLowerCase(), to])),
    tls: { ca: tls.ca.map((ca) => resolveBeside(path, ca)) },
  }
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
