import { isOwnSocket } from './agent/own-socket.ts'
import type { Cache } from './cache/cache.ts'
import type { Fingerprint } from './cache/fingerprint.ts'
import type { Flags, Streams } from './cli/context.ts'
import type { Config } from './config/config.ts'
import { loadConfig } from './config/file.ts'
import { findPaths, type Paths } from './config/paths.ts'
import { nameOfVault } from './config/vault-url.ts'
import { asLease, keepsLogins, leaseNamedBy, namesIdentity, socketOf } from './environment.ts'
import { PurserError } from './model/errors.ts'
import type { Login } from './model/login.ts'
import { once } from './model/once.ts'
import { DEFAULT_WORKSPACE } from './model/target.ts'
import type { Net } from './net/net.ts'
import type { Log, LogLevel } from './observe/log.ts'
import { openLog } from './observe/open-log.ts'
import { createRegistries } from './registries/all.ts'
import type { observeExchanges } from './registries/observed.ts'
import type { Registry } from './registries/registry.ts'
import type { ContainerRequest } from './request/request.ts'
import type { Resolver } from './resolver.ts'
import { ASKING } from './sources/asking.ts'
import type { SourceOptions } from './sources/order.ts'
import type { Source } from './sources/source.ts'
import type { Store } from './vault/store.ts'
import type { Vault } from './vault/vault.ts'

/** What a process is given by its surroundings; `main.ts` alone reads them. */
export interface Runtime extends Streams {
  readonly version: string
  readonly args: readonly string[]
  /** The program and leading arguments that start this very program again. */
  readonly command: readonly [string, ...string[]]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly uid: number | undefined
  readonly pid: number
  /** Standard input to its end, blocking: for a program that has nothing else to do. */
  readInput(): Iterable<Uint8Array>
  /** Kills a process that leads a group, and its group. */
  killGroup(pid: number): void
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Aborts when the process is told to stop. */
  readonly signal: AbortSignal
  /** Aborts when it is told so again: then it ends at once. */
  readonly hurry: AbortSignal
  /** From now on a hangup calls this, and stops nothing. */
  onHangup(reload: () => void): void
  /** From now on signals are another's: each is passed on, and stops nothing. */
  passSignals(pass: (name: NodeJS.Signals) => void): void
}

/** What of its surroundings an application uses, whoever speaks for it. */
export type Surroundings = Omit<
  Runtime,
  'version' | 'args' | 'pid' | 'readInput' | 'hurry' | 'onHangup' | 'passSignals' | 'writeOut'
>

/** The parts of Purser, each made when it is first asked for, and once. */
export interface App {
  readonly workspace: string
  /** The agent's socket; `undefined` if no agent is to be asked. */
  readonly socket: string | undefined
  readonly paths: Paths
  /** The id of the lease as which this process asks; it has nothing else to ask. */
  readonly lease: string | undefined
  config(): Promise<Config>
  log(fallback?: LogLevel): Promise<Log>
  /** The vault, its key, and what a fleet shares. */
  store(): Promise<Store>
  vault(): Promise<Vault>
  net(): Promise<Net>
  request(): Promise<ContainerRequest | undefined>
  registries(): Promise<readonly Registry[]>
  sources(): Promise<readonly Source[]>
  /** The sources of a container with this request, or of the machine itself. */
  sourcesFor(request: ContainerRequest | undefined): Promise<readonly Source[]>
  /** The machine's own identities, though questions may not be answered by them. */
  machineSources(): Promise<readonly Source[]>
  /** What is kept of logins, by whose they are. */
  logins(): Promise<Logins>
  /** Resolves in this process. */
  ownResolver(): Promise<Resolver>
  /**
   * Resolves in this process, by these sources.
   *
   * @param logins - where what it exchanges is kept; default: {@link App.logins}
   */
  resolverOf(sources: readonly Source[], logins?: Logins): Promise<Resolver>
  /** Asks the agent where there is one; a request of this process's own is its own to answer. */
  resolver(): Promise<Resolver>
  /** Removes all logins from the disk. */
  forgetLogins(): Promise<void>
  close(): Promise<void>
}

/** The cache of logins, and what tells identities apart in it. */
interface Logins {
  readonly cache: Cache<Login | undefined>
  readonly fingerprint: Fingerprint
}

/** What else an application is made with. */
export interface AppOptions {
  /** Told of each exchange with a cloud, and what came of it. */
  readonly seen?: Parameters<typeof observeExchanges>[1]
  /** Whether the process outlives its first answer. Default: `false`. */
  readonly stays?: boolean
  /**
   * The one whose configuration this one's replaces. What no configuration changes is taken over: the
   * request, the log, the vault, and the logins, which are kept by the identity that they are for. That
   * one is to be closed last.
   */
  readonly before?: App
}

/**
 * Composes Purser; nothing is read, opened or loaded before it is asked for.
 *
 * The imports in here are what makes a helper fast: one that asks the agent loads neither the vault
 * nor a registry's SDK.
 */
export function createApp(
  runtime: Surroundings,
  flags: Flags = {},
  { seen, stays = false, before }: AppOptions = {},
): App {
  const { env, now, uid = 0 } = runtime
  const paths = findPaths(env, uid)
  const closers: (() => Promise<void>)[] = []

  const openDialer = once(async () => {
    const { openDialer: open } = await import('./net/way-out.ts')
    return open(await app.config(), runtime)
  })
  // Without undici, which costs a helper that asks one question more than the question.
  const openHttpsAgent = once(async () => {
    const { createHttpsAgent } = await import('./net/https-agent.ts')
    const agent = createHttpsAgent(await openDialer())
    closers.push(async () => agent.destroy())
    return agent
  })

  /** Not for a request: of what was given to one container, nothing stays on the machine's disk. */
  const openLogins = once(async () => {
    if (!keepsLogins(env) || (await app.request()) !== undefined) return undefined
    const store = await app.store()
    const { openLogins: open } = await import('./logins/open.ts')
    const { createUptime } = await import('./cache/uptime.ts')
    const log = await app.log()
    const directory = paths.logins
    const { close, ...logins } = await open({
      store,
      directory,
      uid,
      now,
      uptime: createUptime(),
      log,
    })
    closers.unshift(async () => close())
    return logins
  })

  async function sourceOptions(request: ContainerRequest | undefined): Promise<SourceOptions> {
    const { buildRegistry, identities, ambient } = await app.config()
    const { vault } = app
    const registries = await app.registries()
    return { ...runtime, ...{ request, vault, registries, buildRegistry, identities, ambient } }
  }

  /** There is no falling back: what a lease may, its agent alone knows. */
  async function leaseResolver(lease: string): Promise<Resolver> {
    const { socket } = app
    if (socket === undefined) throw asLease()
    const { createAgentClient } = await import('./agent/client.ts')
    const { vault } = await app.config()
    return createAgentClient({ socket, uid, vault: nameOfVault(vault.place), lease })
  }

  const app: App = {
    workspace: flags.workspace ?? (env['PURSER_WORKSPACE'] || DEFAULT_WORKSPACE),
    socket: socketOf(env, paths),
    paths,
    lease: leaseNamedBy(flags.request ?? env['PURSER_REQUEST']),
    config: once(() => {
      const file = flags.config ?? (env['PURSER_CONFIG'] || undefined)
      return loadConfig({ paths, file, uid: runtime.uid })
    }),
    log: before?.log ?? ((fallback) => openLog(runtime, closers, fallback)),
    store:
      before?.store ??
      once(async () => {
        const { createStore } = await import('./vault/store.ts')
        const config = await app.config()
        const store = createStore({ ...{ config, env, uid, now, stays }, log: app.log })
        closers.push(store.close)
        return store
      }),
    vault: once(async () => (await app.store()).vault()),
    net: once(async () => {
      const { createNet } = await import('./net/undici.ts')
      const net = createNet(await openDialer())
      closers.push(() => net.close())
      return net
    }),
    request:
      before?.request ??
      once(async () => {
        const named = flags.request
        const where = named ?? (env['PURSER_REQUEST'] || undefined)
        if (where === undefined || app.lease !== undefined) return undefined
        const { loadRequest } = await import('./request/load.ts')
        if (named === undefined) return loadRequest(where, {})
        const { addAbortSignal } = await import('node:stream')
        return loadRequest(where, { stdin: () => addAbortSignal(runtime.signal, piped(runtime)) })
      }),
    registries: once(async () => {
      const { upstreams } = await app.config()
      const all = createRegistries({
        httpsAgent: openHttpsAgent,
        net: app.net,
        env,
        now,
        killGroup: runtime.killGroup,
        upstreams,
      })
      if (seen === undefined) return all
      const { observeExchanges } = await import('./registries/observed.ts')
      return observeExchanges(all, seen)
    }),
    sources: once(async () => {
      if (app.lease !== undefined) throw asLease()
      return app.sourcesFor(await app.request())
    }),
    async sourcesFor(request) {
      const { sourceOrder } = await import('./sources/order.ts')
      return sourceOrder(await sourceOptions(request))
    },
    async machineSources() {
      const { machineSources } = await import('./sources/order.ts')
      return machineSources(await sourceOptions(undefined))
    },
    logins:
      before?.logins ??
      once(async () => {
        const { createUptime } = await import('./cache/uptime.ts')
        const { createLoginCache } = await import('./logins/login-cache.ts')
        const { createFingerprint } = await import('./cache/fingerprint.ts')
        const sealed = await openLogins()
        const cache = createLoginCache({ now, uptime: createUptime(), sealed })
        return { cache, fingerprint: sealed?.fingerprint ?? createFingerprint() }
      }),
    ownResolver: once(async () => {
      if (app.lease !== undefined) throw asLease()
      return app.resolverOf(await app.sources())
    }),
    async resolverOf(sources, logins) {
      const { createMarks } = await import('./cloud/marks.ts')
      const { createResolver } = await import('./resolver.ts')
      const registries = await app.registries()
      const markOf = createMarks(env)
      const kept = logins ?? (await app.logins())
      return createResolver({ ...kept, sources, registries, now, markOf })
    },
    resolver: once(async () => {
      const { socket, lease } = app
      if (lease !== undefined) return leaseResolver(lease)
      if (socket === undefined || (await app.request()) !== undefined) return app.ownResolver()
      if (!isOwnSocket(socket, uid) || env[ASKING]) return app.ownResolver()
      const { identities, ambient } = await app.config()
      // The agent has an environment of its own, and would answer with the identity that stands there.
      if ((ambient.enabled || identities.length > 0) && namesIdentity(env)) return app.ownResolver()
      const { createAgentClient, preferAgent } = await import('./agent/client.ts')
      const { vault } = await app.config()
      return preferAgent(
        createAgentClient({ socket, uid, vault: nameOfVault(vault.place) }),
        app.ownResolver,
      )
    }),
    async forgetLogins() {
      const { clearDirectory } = await import('./logins/directory.ts')
      clearDirectory(paths.logins, runtime.uid)
    },
    async close() {
      await Promise.all(closers.splice(0).map((close) => close()))
    },
  }
  return app
}

/** A terminal has no request to give, and would wait for one. */
function piped({ stdin, stdinIsTerminal }: Surroundings): NodeJS.ReadStream {
  if (!stdinIsTerminal()) return stdin()
  throw new PurserError('usage', '--request - reads a pipe, not the terminal', {
    hint: 'write --request FILE, or < FILE behind it',
  })
}
