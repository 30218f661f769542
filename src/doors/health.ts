import type { App } from '../app.ts'
import { type Checker, createChecker } from '../health/check.ts'
import { type Subject, subjectsOf } from '../health/subject.ts'

/** What can be checked in the workspace. */
export async function findSubjects(app: App): Promise<readonly Subject[]> {
  const vault = await app.vault()
  return subjectsOf(await vault.list(app.workspace))
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
