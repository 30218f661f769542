import { PassThrough } from 'node:stream'
import { onTestFinished } from 'vitest'
import { createAttach } from '../../src/attach.ts'
import { createCache } from '../../src/cache/cache.ts'
import type { CliContext, ServeFlags, Session } from '../../src/cli/context.ts'
import { runCli } from '../../src/cli/program.ts'
import {
  type BuildRegistryConfig,
  type UpstreamConfig,
  upstreamOf,
} from '../../src/config/config.ts'
import { parseVaultUrl } from '../../src/config/vault-url.ts'
import { createChecker } from '../../src/health/check.ts'
import { parseStatus } from '../../src/health/status.ts'
import { subjectsOf } from '../../src/health/subject.ts'
import type { Credential } from '../../src/model/credential.ts'
import { PurserError } from '../../src/model/errors.ts'
import type { Login } from '../../src/model/login.ts'
import { Secret } from '../../src/model/secret.ts'
import type { Target } from '../../src/model/target.ts'
import { createDialer } from '../../src/net/dial.ts'
import { createNet } from '../../src/net/undici.ts'
import { silentLog } from '../../src/observe/log.ts'
import { createRegistries } from '../../src/registries/all.ts'
import type { Registry } from '../../src/registries/registry.ts'
import { createResolver } from '../../src/resolver.ts'
import type { Source } from '../../src/sources/source.ts'
import { vaultSource } from '../../src/sources/vault.ts'
import { showKey } from '../../src/vault/key-info.ts'
import { initKey, rotateKey } from '../../src/vault/sqlite/key-rotation.ts'
import { createStore } from '../../src/vault/store.ts'
import type { Vault } from '../../src/vault/vault.ts'
import { offline } from '../registries/harness.ts'
import { openForTest, sandbox } from '../vault/sandbox.ts'

const NOW = Date.parse('2026-01-01T00:00:00Z')

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** What was asked of the parts that a command line is given. */
interface Asked {
  readonly serve: ServeFlags[]
  readonly authorize: { readonly target: Target; readonly login: Login | undefined }[]
}

/** A command line over a real vault and real registries; of the clouds, only ECR is played. */
export interface CommandLine {
  readonly vault: Vault
  /** The vault's file. */
  readonly path: string
  readonly asked: Asked
  run(...args: readonly string[]): Promise<Ended>
}

export interface CommandLineOptions {
  readonly stdin?: string
  readonly terminal?: boolean
  readonly signal?: AbortSignal
  readonly env?: Readonly<Record<string, string>>
  /** What the registry takes. */
  readonly header?: string
  /** What ECR answers; an error is its refusal. */
  readonly ecr?: Error | Login
  /** What the agent says of itself; there is none otherwise. */
  readonly status?: unknown
  /** Where registries listen that are checked. */
  readonly upstreams?: readonly UpstreamConfig[]
  readonly buildRegistry?: BuildRegistryConfig
  /** Sources asked before the vault. */
  readonly sources?: readonly Source[]
}

export async function openCommandLine(options: CommandLineOptions = {}): Promise<CommandLine> {
  const file = sandbox()
  const vault = await openForTest(file)
  const asked: Asked = { serve: [], authorize: [] }
  const registries = [...ecrOf(options), ...createRegistries({ ...offline, now: () => NOW })]
  const sources = [...(options.sources ?? []), vaultSource(async () => vault)]
  const resolver = createResolver({
    sources,
    registries,
    cache: createCache({ now: () => NOW }),
    now: () => NOW,
  })
  const net = createNet(createDialer({ ca: [], connect: new Map() }))
  onTestFinished(() => net.close())
  const open = (workspace = 'default'): Session => ({
    workspace,
    vault: async () => vault,
    keeper: async () => ({
      init: () => initKey(file),
      show: () => showKey(file.keys),
      rotate: () => rotateKey(file),
    }),
    async storeAt({ url, key = `file:${file.keyPath}`, password }) {
      const place = parseVaultUrl(url, (path) => path)
      if (typeof place === 'string') throw new PurserError('usage', `the place of a vault ${place}`)
      const config = { vault: { place, key, password }, tls: { ca: [] } }
      const log = async () => silentLog
      return createStore({ config, env: {}, uid: file.uid, now: () => NOW, log, stays: false })
    },
    forgetLogins: async () => undefined,
    registries: async () => registries,
    sources: async () => sources,
    resolver: async () => resolver,
    ownResolver: async () => resolver,
    async authorize(target, login) {
      asked.authorize.push({ target, login })
      return options.header === undefined ? undefined : new Secret(options.header)
    },
    onFault: async ({ host }) => upstreamOf(options.upstreams ?? [], host).onFault,
    leases: () => Promise.reject(new PurserError('agent-unreachable', 'no agent answers on s')),
    attach: async () =>
      createAttach({
        vault: async () => vault,
        resolver,
        buildResolver: resolver,
        buildRegistry: options.buildRegistry,
      }),
    subjects: async () => subjectsOf(await vault.list(workspace)),
    checker: async (timeoutMs) =>
      createChecker({
        registries,
        upstreams: options.upstreams ?? [],
        net: async () => net,
        now: () => NOW,
        timeoutMs,
      }),
    async status() {
      if (options.status !== undefined) return parseStatus(options.status)
      throw new PurserError('agent-unreachable', 'no agent answers on s', { hint: 'start one' })
    },
    close: async () => undefined,
  })

  async function run(...args: readonly string[]): Promise<Ended> {
    let stdout = ''
    let stderr = ''
    const stdin = Object.assign(new PassThrough(), { setRawMode: () => undefined })
    if (options.stdin !== undefined) stdin.end(options.stdin)
    const context: CliContext = {
      version: '1.2.3',
      env: options.env ?? {},
      command: ['false'],
      now: () => NOW,
      signal: options.signal ?? new AbortController().signal,
      // A PassThrough can all that these commands ask of a terminal.
      stdin: () => stdin as unknown as NodeJS.ReadStream,
      stdinIsTerminal: () => options.terminal ?? false,
      stdoutIsTerminal: () => options.terminal ?? false,
      stderrIsTerminal: () => options.terminal ?? false,
      writeOut: (text) => {
        stdout += text
      },
      writeError: (text) => {
        stderr += text
      },
      open: ({ workspace }) => open(workspace),
      passSignals() {},
      serve: async (flags) => {
        asked.serve.push(flags)
      },
    }
    const code = await runCli(args, context)
    return { code, stdout, stderr }
  }
  return { vault, path: file.path, asked, run }
}

export const AWS: Credential = {
  kind: 'aws',
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: new Secret('canary'),
  sessionToken: undefined,
  role: undefined,
}

function ecrOf({ ecr }: CommandLineOptions): readonly Registry[] {
  if (ecr === undefined) return []
  return [
    {
      name: 'ecr',
      matches: ({ hostname }) => hostname.endsWith('.amazonaws.com'),
      read: () => undefined,
      audience: ({ name }) => name,
      exchange: async () => {
        if (ecr instanceof Error) throw ecr
        return ecr
      },
    },
  ]
}
