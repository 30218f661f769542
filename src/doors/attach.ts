import type { App } from '../app.ts'
import { type Attach, createAttach } from '../attach.ts'
import type { Generations } from './generation.ts'

/** Opens what attaches credentials to requests, by the machine's sources: not by this process's request. */
export async function openAttach(app: App): Promise<Attach> {
  const { buildRegistry } = await app.config()
  const resolver = await app.resolverOf(await app.sourcesFor(undefined))
  const buildResolver =
    buildRegistry?.credential === 'ambient'
      ? await app.resolverOf(await app.machineSources())
      : resolver
  return createAttach({ vault: app.vault, resolver, buildResolver, buildRegistry })
}

/** Attaches by whatever configuration is current. */
export function attachOf({ within }: Generations): Attach {
  const opened = new WeakMap<App, Promise<Attach>>()
  return (request, question, signal) =>
    within(async ({ app }) => {
      const attach = opened.get(app) ?? openAttach(app)
      opened.set(app, attach)
      return (await attach)(request, question, signal)
    })
}
