import { isDeepStrictEqual } from 'node:util'
import type { App } from '../app.ts'
import type { Config } from '../config/config.ts'
import { describeError, hintOf } from '../model/errors.ts'
import type { Log } from '../observe/log.ts'
import { beginGeneration, type Generation } from './generation.ts'

/** The application that a reload replaces, and how. */
export interface ReloadOptions {
  /** The generation that is replaced. */
  current(): Generation
  /** Makes an application that reads the configuration anew. */
  renew(before: App): App
  /** Serves by the next one from now on. @throws if that cannot be; then all is as it was */
  adopt(next: Generation): Promise<void>
  readonly log: Log
}

/** Reloads the configuration, one reload at a time. */
export interface Reload {
  /** Starts a reload; one that is asked for during another follows it. */
  begin(): void
  /** Starts no more reloads, and waits for one that is under way. */
  close(): Promise<void>
}

/**
 * Makes reloads: what is under way ends by the old configuration, and a configuration with an error
 * changes nothing but one line of the log.
 */
export function createReload({ current, renew, adopt, log }: ReloadOptions): Reload {
  let running: Promise<void> | undefined
  let again = false
  let closed = false

  async function once(): Promise<void> {
    const before = current()
    const app = renew(before.app)
    try {
      const next = await beginGeneration(app)
      await adopt(next)
      tellLeftOver(before.config, next.config, log)
      log.info('configuration reloaded')
    } catch (error) {
      const fields = { error: describeError(error), hint: hintOf(error) }
      log.error('configuration not reloaded, the one before holds', fields)
      await app.close()
    }
  }

  async function all(): Promise<void> {
    while (again && !closed) {
      again = false
      await once()
    }
    running = undefined
  }

  return {
    begin() {
      again = true
      running ??= all()
    },
    async close() {
      closed = true
      await running
    },
  }
}

/** The vault is open, its key read, and the logins kept by it: only a start changes that. */
function tellLeftOver({ vault: before }: Config, { vault: after }: Config, log: Log): void {
  const keys = [
    ...(isDeepStrictEqual(before.place, after.place) ? [] : ['vault.url']),
    ...(before.key === after.key ? [] : ['vault.key']),
    ...(before.password === after.password ? [] : ['vault.password']),
  ]
  if (keys.length > 0) log.warn('a restart is needed', { changed: keys.join(', ') })
}
