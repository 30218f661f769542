import { join } from 'node:path'
import envPaths from 'env-paths'

/** Where Purser's files are; nothing here is created by being named. */
export interface Paths {
  readonly config: string
  readonly vault: string
  /** The directory of sealed logins. */
  readonly logins: string
  readonly key: string
  readonly socket: string
  /** The directory of sealed leases. */
  readonly leases: string
  /** Below it, each lease has a directory of what its clients read. */
  readonly clients: string
}

/** The variables that say where files are to be. */
export interface PathEnvironment {
  readonly PURSER_HOME?: string | undefined
  readonly XDG_RUNTIME_DIR?: string | undefined
  /** systemd sets these for a unit that asks for its directories. */
  readonly CONFIGURATION_DIRECTORY?: string | undefined
  readonly STATE_DIRECTORY?: string | undefined
  readonly CACHE_DIRECTORY?: string | undefined
  readonly RUNTIME_DIRECTORY?: string | undefined
}

/**
 * The files' places: under `PURSER_HOME`, else a unit's own directories, else the platform's usual
 * ones. Never below `/tmp`, where anybody can be first to make a name.
 *
 * @param uid - the effective user id; root's socket is `/run/purser/agent.sock`
 * @see https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#RuntimeDirectory=
 */
export function findPaths(env: PathEnvironment, uid: number): Paths {
  if (env.PURSER_HOME) {
    const home = env.PURSER_HOME
    return layOut({ config: home, data: home, cache: home, runtime: home })
  }
  const usual = envPaths('purser', { suffix: '' })
  const runtime = uid === 0 ? '/run/purser' : join(env.XDG_RUNTIME_DIR || usual.data, 'purser')
  return layOut({
    config: firstDirectory(env.CONFIGURATION_DIRECTORY) ?? usual.config,
    data: firstDirectory(env.STATE_DIRECTORY) ?? usual.data,
    cache: firstDirectory(env.CACHE_DIRECTORY) ?? usual.cache,
    runtime: firstDirectory(env.RUNTIME_DIRECTORY) ?? runtime,
  })
}

interface Directories {
  readonly config: string
  readonly data: string
  readonly cache: string
  readonly runtime: string
}

function layOut({ config, data, cache, runtime }: Directories): Paths {
  return {
    config: join(config, 'config.toml'),
    // Key and vault lie apart where the platform has a place for each: a backup of the one is
    // then worth nothing without the other.
    key: join(config, 'key'),
    vault: join(data, 'vault.db'),
    logins: join(cache, 'logins'),
    socket: join(runtime, 'agent.sock'),
    leases: join(data, 'leases'),
    clients: join(runtime, 'clients'),
  }
}

/** systemd joins several directories with colons. */
function firstDirectory(list: string | undefined): string | undefined {
  return list?.split(':')[0] || undefined
}
