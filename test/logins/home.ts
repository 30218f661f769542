import { join } from 'node:path'
import type { Cache } from '../../src/cache/cache.ts'
import { createLoginCache } from '../../src/logins/login-cache.ts'
import { openSealedLogins, type SealedLogins } from '../../src/logins/sealed-logins.ts'
import type { Login } from '../../src/model/login.ts'
import { Secret } from '../../src/model/secret.ts'
import type { Log } from '../../src/observe/log.ts'
import { openKeySource } from '../../src/vault/key-source.ts'

export const never = new AbortController().signal
const uid = process.geteuid?.()

/** Where a test's processes keep what they share. */
export function homeAt(root: string) {
  return {
    root,
    directory: join(root, 'cache', 'logins'),
    vault: join(root, 'data', 'vault.db'),
    keyPath: join(root, 'config', 'key'),
  }
}

export type Home = ReturnType<typeof homeAt>

interface OpenOptions {
  readonly now?: () => number
  /** Default: the wall clock's. */
  readonly uptime?: () => number
  readonly key?: string
  readonly env?: Readonly<Record<string, string>>
}

/** What one process of that home has, as far as memory is concerned. */
export function openHome(
  { directory, vault, keyPath }: Home,
  { now = Date.now, uptime = now, key = `file:${keyPath}`, env = {} }: OpenOptions = {},
): SealedLogins & { readonly cache: Cache<Login | undefined>; readonly said: readonly string[] } {
  const said: string[] = []
  const say = (event: string, fields = {}) => said.push(`${event} ${JSON.stringify(fields)}`)
  const log: Log = { error: say, warn: say, info: say, debug: say }
  const keys = openKeySource(key, { env, uid })
  const sealed = openSealedLogins({ directory, keys, vault, uid, now, log })
  return { ...sealed, cache: createLoginCache({ now, uptime, sealed }), said }
}

export function login(secret: string, expiresAt: Date): Login {
  return { username: 'AWS', secret: new Secret(secret), expiresAt }
}
