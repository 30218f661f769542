import type { App } from '../app.ts'
import { type Attach, createAttach } from '../attach.ts'

/** What attaches credentials to requests, out of the machine's own sources: none of this process's request. */
export async function openAttach(app: App): Promise<Attach> {
  const { buildRegistry } = await app.config()
  const resolver = await app.resolverOf(await app.sourcesFor(undefined))
  const buildResolver =
    buildRegistry?.credential === 'ambient'
      ? await app.resolverOf(await app.machineSources())
      : resolver
  return createAttach({ vault: app.vault, resolver, buildResolver, buildRegistry })
}
