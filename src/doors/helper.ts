import { createApp, type Runtime } from '../app.ts'
import { upstreamOf } from '../config/config.ts'
import type { HelperContext } from '../helper/context.ts'
import { renderComplaint, renderFault, runHelper } from '../helper/protocol.ts'
import type { Host } from '../model/host.ts'
import type { Log } from '../observe/log.ts'
import { registryOf } from '../registries/all.ts'
import { hostsOf } from '../sources/request.ts'
import { noVault } from '../vault/no-vault.ts'

/** Runs the Docker credential helper. @returns its exit code */
export async function runHelperDoor(runtime: Runtime): Promise<0 | 1> {
  const app = createApp(runtime)
  let log: Log
  try {
    log = await app.log()
  } catch (error) {
    runtime.writeOut(renderFault(error))
    return 1
  }
  const context: HelperContext = {
    version: runtime.version,
    workspace: app.workspace,
    resolver: { resolve: async (target, signal) => (await app.resolver()).resolve(target, signal) },
    async onFault({ host }) {
      return upstreamOf((await app.config()).upstreams, host).onFault
    },
    complain: (kind, text) => runtime.writeError(renderComplaint(kind, text)),
    openSources: app.sources,
    openVault: async () => (app.lease === undefined ? app.vault() : noVault),
    async findHosts(): Promise<readonly Host[]> {
      const request = await app.request()
      const { buildRegistry } = await app.config()
      return request === undefined ? [] : hostsOf(request, { buildRegistry })
    },
    isGeneric: async (host) => registryOf(await app.registries(), host).name === 'generic',
    log,
  }
  try {
    return await runHelper(
      runtime.args,
      runtime.readInput,
      runtime.writeOut,
      context,
      runtime.signal,
    )
  } finally {
    await app.close()
  }
}
