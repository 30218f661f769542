import * as v from 'valibot'
import { isRepository } from '../model/grammar.ts'
import { tryParseHost } from '../model/host.ts'
import { DEFAULT_WORKSPACE } from '../model/target.ts'
import {
  AMBIENT_SOURCES,
  type BuildRegistryConfig,
  type HealthConfig,
  type IdentityConfig,
  type ListenAddress,
} from './config.ts'
import { parseListen } from './listen.ts'
import { parseVaultUrl } from './vault-url.ts'

/** Far more than a node has registries; each costs a listener or a line in a table. */
const MAX_LIST = 1000

/** A day: whoever stops a service for longer does not stop it. */
const MAX_DRAIN_S = 86_400

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

const REPOSITORY_GLOB = /^[a-z0-9._/*-]{1,255}$/

const DNS_NAME =
  /^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/

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
  repositories: v.optional(
    list(v.pipe(v.string(), v.regex(REPOSITORY_GLOB, 'must be as acme/app, acme/* or acme/**'))),
    [],
  ),
  tls: v.optional(v.boolean(), true),
  realms: v.optional(list(origin), []),
  redirects: v.optional(v.picklist(['pass', 'follow']), 'pass'),
  storage: v.optional(list(origin), []),
  on_fault: v.optional(v.picklist(['fail', 'anonymous']), 'fail'),
  registry: v.optional(v.picklist(['ghcr', 'generic'])),
})

const identityTable = v.strictObject({
  host: place,
  profile: v.optional(name),
  role_arn: v.optional(v.pipe(v.string(), v.regex(ROLE_ARN, 'must be the ARN of a role'))),
  external_id: v.optional(name),
  session_name: v.optional(
    v.pipe(v.string(), v.regex(SESSION_NAME, 'must be 2 to 64 letters, digits, _ + = , . @ or -')),
  ),
})

const identity = v.pipe(
  identityTable,
  v.check(
    ({ role_arn, external_id, session_name }) =>
      role_arn !== undefined || (external_id ?? session_name) === undefined,
    'must have a role_arn beside external_id and session_name',
  ),
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
  sources: v.optional(
    v.pipe(
      list(v.picklist(AMBIENT_SOURCES)),
      v.check((names) => new Set(names).size === names.length, 'must name each source once'),
    ),
    [...AMBIENT_SOURCES],
  ),
  requests: v.optional(v.boolean(), false),
})

const program = v.pipe(v.string(), v.nonEmpty())

const healthTable = v.strictObject({
  interval_minutes: v.optional(v.pipe(v.number(), v.minValue(1, 'must be 1 or more'))),
  on_change: v.optional(
    v.union(
      [
        v.pipe(
          program,
          v.transform((path) => [path] as const),
        ),
        v.pipe(v.tupleWithRest([program], v.string()), v.readonly()),
      ],
      'must name a program, as in ["tell", "an argument"]',
    ),
  ),
})

const health = v.pipe(
  healthTable,
  v.transform(
    ({ interval_minutes: minutes, on_change }): HealthConfig => ({
      intervalMs: minutes === undefined ? undefined : minutes * 60_000,
      onChange: on_change,
    }),
  ),
)

const secretPlace = v.pipe(v.string(), v.regex(/^(file|env):./, 'must be file:PATH or env:NAME'))

const proxy = v.strictObject({
  listen: v.optional(list(listen)),
  cert: v.optional(v.string()),
  key: v.optional(v.string()),
  hosts: v.optional(
    list(v.pipe(v.string(), v.regex(DNS_NAME, 'must be a name, without port'))),
    [],
  ),
  drain_seconds: v.optional(
    v.pipe(
      v.number(),
      v.check((seconds) => seconds >= 0 && seconds <= MAX_DRAIN_S, 'must be from 0 to 86400'),
    ),
  ),
  client_auth: v.optional(v.picklist(['open', 'lease', 'basic']), 'open'),
  client_secret: v.optional(secretPlace),
})

const buildRegistryTable = v.strictObject({
  host,
  repository: v.optional(v.pipe(v.string(), v.check(isRepository, 'must be a repository'))),
  workspace: v.optional(name, DEFAULT_WORKSPACE),
  credential: v.optional(name, 'vault'),
  min_life_minutes: v.optional(v.pipe(v.number(), v.minValue(1, 'must be 1 or more'))),
  renew: v.optional(v.boolean(), false),
})

const buildRegistry = v.pipe(
  buildRegistryTable,
  v.transform(
    ({ credential, min_life_minutes: minutes, ...rest }): BuildRegistryConfig => ({
      ...rest,
      repository: rest.repository,
      credential:
        credential === 'vault' || credential === 'ambient' ? credential : { entry: credential },
      minLifeMs: minutes === undefined ? undefined : minutes * 60_000,
    }),
  ),
)

const net = v.strictObject({
  proxy: v.optional(
    v.pipe(
      v.string(),
      v.check(isProxy, 'must be environment, none, or http://host:port without a login'),
    ),
    'environment',
  ),
  proxy_auth: v.optional(secretPlace),
  no_proxy: v.optional(list(v.string()), []),
})

const vaultUrl = v.pipe(
  v.string(),
  v.rawCheck(({ dataset, addIssue }) => {
    const parsed = dataset.typed ? parseVaultUrl(dataset.value, (path) => path) : undefined
    if (typeof parsed === 'string') addIssue({ message: parsed })
  }),
)

/** A configuration file, as TOML has it. */
export const file = v.strictObject({
  vault: v.optional(
    v.strictObject({
      url: v.optional(vaultUrl, 'sqlite:default'),
      key: v.optional(
        v.pipe(
          v.string(),
          v.regex(/^(file|env|systemd|command):./, 'must be file:, env:, systemd: or command:'),
        ),
        'file:default',
      ),
      password: v.optional(
        v.pipe(
          v.string(),
          v.regex(/^(file|env|systemd):./, 'must be file:PATH, env:NAME or systemd:NAME'),
        ),
      ),
    }),
    {},
  ),
  proxy: v.optional(proxy, {}),
  upstream: v.optional(list(upstream), []),
  build_registry: v.optional(buildRegistry),
  identity: v.optional(list(identity), []),
  ambient: v.optional(ambient, {}),
  health: v.optional(health, {}),
  net: v.optional(net, {}),
  connect: v.optional(v.record(endpoint, endpoint), {}),
  tls: v.optional(v.strictObject({ ca: v.optional(list(v.string()), []) }), {}),
})

/** The keys of each table, by its name; of the file itself, by none. */
export const KEYS: Readonly<Record<string, readonly string[]>> = {
  '': Object.keys(file.entries),
  vault: Object.keys(file.entries.vault.wrapped.entries),
  proxy: Object.keys(proxy.entries),
  upstream: Object.keys(upstream.entries),
  build_registry: Object.keys(buildRegistryTable.entries),
  identity: Object.keys(identityTable.entries),
  ambient: Object.keys(ambient.entries),
  health: Object.keys(healthTable.entries),
  net: Object.keys(net.entries),
  tls: Object.keys(file.entries.tls.wrapped.entries),
}

/** The file may be read by all: a login stands in one of its own. */
function isProxy(text: string): boolean {
  if (text === 'environment' || text === 'none') return true
  const url = URL.parse(text)
  return url !== null && /^https?:$/.test(url.protocol) && url.username + url.password === ''
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text && /^https?:/.test(text)
}
