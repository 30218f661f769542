import type { App, Runtime } from '../app.ts'
import { type Checker, createChecker } from '../health/check.ts'
import { createMonitor, type Standing, tickMsOf } from '../health/monitor.ts'
import { createNotifier } from '../health/notifier.ts'
import { type Subject, subjectsOf } from '../health/subject.ts'
import type { Log } from '../observe/log.ts'
import { credentialOf } from '../sources/identities.ts'
import { DEFAULT_ENTRY } from '../vault/vault.ts'
import type { Generations } from './generation.ts'

/** What can be checked: the workspace's entries, and the identities that are everybody's. */
export async function findSubjects(app: App): Promise<readonly Subject[]> {
  const { workspace } = app
  const { identities } = await app.config()
  const vault = await app.vault()
  return [
    ...subjectsOf(await vault.list(workspace)),
    ...identities.map(
      (identity): Subject => ({
        ...identity,
        source: 'identity',
        workspace,
        name: DEFAULT_ENTRY,
        credential: credentialOf(identity),
        version: 0,
      }),
    ),
  ]
}

/** Makes a checker of the application's registries and ways out. */
export async function openChecker(
  app: App,
  now: () => number,
  timeoutMs?: number,
): Promise<Checker> {
  const { upstreams } = await app.config()
  return createChecker({
    registries: await app.registries(),
    upstreams,
    net: app.net,
    now,
    ...(timeoutMs !== undefined && { timeoutMs }),
  })
}

/** The watch that an agent keeps. */
export interface Health {
  /** How often each entry is checked; `undefined` never. */
  readonly intervalMs: number | undefined
  standings(): readonly Standing[]
  close(): Promise<void>
}

/**
 * Starts to check each entry from time to time, if the configuration says how often; what is checked,
 * and how it is reached, is what each generation's configuration says.
 */
export async function startHealth(
  generations: Generations,
  { env, now, killGroup }: Pick<Runtime, 'env' | 'now' | 'killGroup'>,
  log: Log,
): Promise<Health> {
  const { intervalMs, onChange } = generations.current().config.health
  if (intervalMs === undefined) {
    return { intervalMs, standings: () => [], close: async () => undefined }
  }
  const checkers = new WeakMap<App, Promise<Checker>>()
  const checkerOf = (app: App) => {
    const checker = checkers.get(app) ?? openChecker(app, now)
    checkers.set(app, checker)
    return checker
  }
  const notifier = onChange && createNotifier({ command: onChange, env, log, killGroup })
  const monitor = createMonitor({
    subjects: () => generations.within(({ app }) => findSubjects(app)),
    checker: {
      check: (subject, signal) =>
        generations.within(async ({ app }) => (await checkerOf(app)).check(subject, signal)),
    },
    intervalMs,
    now,
    random: Math.random,
    log,
    ...(notifier && { onChange: notifier.tell }),
  })
  const timer = setInterval(() => void monitor.tick(), tickMsOf(intervalMs)).unref()
  void monitor.tick()
  return {
    intervalMs,
    standings: monitor.standings,
    async close() {
      clearInterval(timer)
      await monitor.close()
      await notifier?.close()
    },
  }
}
