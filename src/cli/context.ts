import type { Attach } from '../attach.ts'
import type { UpstreamConfig } from '../config/config.ts'
import type { Checker } from '../health/check.ts'
import type { Status } from '../health/status.ts'
import type { Subject } from '../health/subject.ts'
import type { LeaseClient } from '../lease/granted.ts'
import type { Login } from '../model/login.ts'
import type { Secret } from '../model/secret.ts'
import type { Target } from '../model/target.ts'
import type { Registry } from '../registries/registry.ts'
import type { Resolver } from '../resolver.ts'
import type { Source } from '../sources/source.ts'
import type { KeyKeeper, Store } from '../vault/store.ts'
import type { Vault } from '../vault/vault.ts'

/** Where a command reads and writes: the answer goes to stdout, talk to stderr. */
export interface Streams {
  stdin(): NodeJS.ReadStream
  stdinIsTerminal(): boolean
  stdoutIsTerminal(): boolean
  stderrIsTerminal(): boolean
  writeOut(text: string): void
  writeError(text: string): void
}

/** Flags that say where Purser's parts are to be found; what is not said is the environment's. */
export interface Flags {
  readonly config?: string
  readonly request?: string
  readonly workspace?: string
}

/** The flags of `purser serve`. */
export interface ServeFlags extends Flags {
  /** `address:port` each; empty for the configuration's. */
  readonly listen: readonly string[]
  /** How many seconds transfers may go on once it is told to stop. Default: the configuration's. */
  readonly drain?: number
}

/** Where a vault is, as somebody writes it. */
export interface StorePlace {
  /** `sqlite:PATH` or `postgres://…` */
  readonly url: string
  /** As `key` and `password` of the configuration, which are the default. */
  readonly key: string | undefined
  readonly password: string | undefined
}

/** Purser's parts, as one command's flags have them; each is made when it is asked for. */
export interface Session {
  readonly workspace: string
  vault(): Promise<Vault>
  /** What is done to the vault's key as such. */
  keeper(): Promise<KeyKeeper>
  /** Another vault than the configuration's. @throws `usage` if nothing can be at such a place */
  storeAt(where: StorePlace): Promise<Store>
  /** Removes the logins that are kept on disk. */
  forgetLogins(): Promise<void>
  registries(): Promise<readonly Registry[]>
  /** In the order in which they are asked. */
  sources(): Promise<readonly Source[]>
  /** Asks the agent, where there is one. */
  resolver(): Promise<Resolver>
  /** Resolves in this process. */
  ownResolver(): Promise<Resolver>
  /**
   * What the registry takes in `Authorization`, to pull or push as `target` says.
   *
   * @returns `undefined` if it takes none.
   */
  authorize(
    target: Target,
    login: Login | undefined,
    signal: AbortSignal,
  ): Promise<Secret | undefined>
  /** What becomes of a question whose credential cannot be used. */
  onFault(target: Target): Promise<UpstreamConfig['onFault']>
  /** The leases of the agent. @throws `agent-unreachable` if there is none to ask */
  leases(): Promise<LeaseClient>
  /** What fills in the credentials of container requests. */
  attach(): Promise<Attach>
  /** What can be checked in the workspace. */
  subjects(): Promise<readonly Subject[]>
  /** What logs in for real, past every cache. */
  checker(timeoutMs: number): Promise<Checker>
  /** How the agent is. @throws `agent-unreachable` if there is none */
  status(signal: AbortSignal): Promise<Status>
  close(): Promise<void>
}

/** What the command line is run with. */
export interface CliContext extends Streams {
  readonly version: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** The program and leading arguments that start this very program again. */
  readonly command: readonly [string, ...string[]]
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Aborts when the program is told to stop. */
  readonly signal: AbortSignal
  /** From now on signals are another's: each is passed on, and stops nothing. */
  passSignals(pass: (name: NodeJS.Signals) => void): void
  open(flags: Flags): Session
  /** Runs proxy and agent until told to stop. */
  serve(flags: ServeFlags): Promise<void>
}

/** Works with a session, and closes it whatever comes. */
export async function withSession<T>(
  context: CliContext,
  flags: Flags,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const session = context.open(flags)
  try {
    return await work(session)
  } finally {
    await session.close()
  }
}
