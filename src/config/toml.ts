import { parse as parseToml } from 'smol-toml'
import * as v from 'valibot'
import { PurserError } from '../model/errors.ts'
import { quote } from '../model/host.ts'
import { nearest } from '../model/nearest.ts'
import {
  type CertificateFiles,
  type Config,
  defaultConfig,
  type ListenAddress,
  resolveBeside,
  type UpstreamConfig,
} from './config.ts'
import type { Paths } from './paths.ts'
import { file, KEYS } from './schema.ts'
import { parseVaultUrl, type VaultPlace } from './vault-url.ts'

/**
 * Parses a configuration file.
 *
 * @param path - the file's, for messages and for what is relative to it
 * @throws `config-invalid`, naming the file and the key
 */
export function parseConfig(text: string, path: string, paths: Paths): Config {
  const result = v.safeParse(file, readToml(text, path))
  // A key that is misspelt is missing as well: what was written says more than what was not.
  if (!result.success) throw invalid(path, result.issues.find(isUnknownKey) ?? result.issues[0])
  const { vault, proxy, upstream, build_registry, identity, ambient, health, net, connect, tls } =
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
      place: placeOfVault(vault.url, path, defaults.vault.place),
      key: keyOf(vault.key, path) ?? defaults.vault.key,
      password: vault.password === undefined ? undefined : besideFile(vault.password, path),
    },
    proxy: {
      listen: proxy.listen ?? defaults.proxy.listen,
      certificate: certificateOf(proxy, path),
      hosts: proxy.hosts,
      drainMs: drainMsOf(proxy.drain_seconds) ?? defaults.proxy.drainMs,
      clientAuth: proxy.client_auth,
      clientSecret: clientSecretOf(proxy, path),
    },
    upstreams,
    buildRegistry: build_registry,
    identities: identity,
    ambient,
    health,
    net: {
      proxy: net.proxy,
      proxyAuth: net.proxy_auth === undefined ? undefined : besideFile(net.proxy_auth, path),
      noProxy: net.no_proxy,
    },
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

/** Where somebody may have written the secret itself instead of where it is. */
const NEAR_SECRETS = new Set([
  'net.proxy',
  'net.proxy_auth',
  'proxy.client_secret',
  'vault.key',
  'vault.password',
  'vault.url',
])

function invalid(path: string, issue: v.BaseIssue<unknown>): PurserError {
  const dotted = (issue.path ?? []).map(({ key }) => String(key)).join('.')
  if (isUnknownKey(issue)) return unknownKey(path, dotted, issue)
  if (issue.received === 'undefined') {
    return new PurserError('config-invalid', `${path}: ${dotted} is missing`)
  }
  const isShown = typeof issue.input === 'string' && !NEAR_SECRETS.has(dotted)
  const received = isShown ? `, not ${quote(String(issue.input))}` : ''
  return new PurserError('config-invalid', `${path}: ${dotted} ${demand(issue, dotted)}${received}`)
}

function isUnknownKey({ type, expected }: v.BaseIssue<unknown>): boolean {
  return type === 'strict_object' && expected === 'never'
}

/** What a value must be, in the words of TOML rather than of the parser. */
function demand({ message, expected }: v.BaseIssue<unknown>, dotted: string): string {
  if (message.startsWith('must ')) return message
  if (expected === 'Object') return `must be a table, as in [${dotted}]`
  if (expected !== 'Array') {
    return `must be ${expected?.replace(/^\(|\)$/g, '').replaceAll(' | ', ' or ')}`
  }
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
  const table = path.length > 1 ? String(path[0]?.key) : ''
  return KEYS[table] ?? []
}

/** Two tables for one host, alias or port would leave it to their order which one counts. */
function refuseTwins(upstreams: readonly UpstreamConfig[], path: string): void {
  const seen = new Set<string>()
  for (const { host, alias, listen } of upstreams) {
    const port = placeOf(listen)
    for (const name of [host.name, alias, port]) {
      if (name === undefined) continue
      if (seen.has(name)) {
        throw new PurserError('config-invalid', `${path}: two upstreams share ${name}`)
      }
      seen.add(name)
    }
  }
}

function drainMsOf(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1_000
}

function placeOf(listen: ListenAddress | undefined): string | undefined {
  if (listen === undefined) return undefined
  if ('path' in listen) return listen.path
  return listen.port === 0 ? undefined : `port ${listen.port}`
}

function certificateOf(
  { cert, key }: { readonly cert?: string | undefined; readonly key?: string | undefined },
  path: string,
): CertificateFiles | undefined {
  if (cert === undefined && key === undefined) return undefined
  if (cert === undefined || key === undefined) {
    const missing = cert === undefined ? 'cert' : 'key'
    throw new PurserError('config-invalid', `${path}: proxy.${missing} is missing`)
  }
  return { cert: resolveBeside(path, cert), key: resolveBeside(path, key) }
}

function fileOf(url: string, scheme: string, path: string): string | undefined {
  const rest = url.slice(scheme.length)
  return rest === 'default' ? undefined : resolveBeside(path, rest)
}

function placeOfVault(url: string, path: string, usual: VaultPlace): VaultPlace {
  if (url === 'sqlite:default') return usual
  const place = parseVaultUrl(url, (file) => resolveBeside(path, file))
  if (typeof place !== 'string') return place
  throw new PurserError('config-invalid', `${path}: vault.url ${place}`)
}

function clientSecretOf(
  proxy: { readonly client_auth: string; readonly client_secret?: string | undefined },
  path: string,
): string | undefined {
  const { client_auth: auth, client_secret: secret } = proxy
  if (auth === 'basic' && secret === undefined) {
    throw new PurserError('config-invalid', `${path}: proxy.client_secret is missing`)
  }
  if (auth !== 'basic' && secret !== undefined) {
    throw new PurserError(
      'config-invalid',
      `${path}: proxy.client_secret needs client_auth = "basic"`,
    )
  }
  return secret === undefined ? undefined : besideFile(secret, path)
}

function besideFile(named: string, path: string): string {
  return named.startsWith('file:')
    ? `file:${resolveBeside(path, named.slice('file:'.length))}`
    : named
}

function keyOf(key: string, path: string): string | undefined {
  if (!key.startsWith('file:')) return key
  const named = fileOf(key, 'file:', path)
  return named === undefined ? undefined : `file:${named}`
}
