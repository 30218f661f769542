import { type App, createApp, type Runtime } from '../app.ts'
import type { CliContext, Session } from '../cli/context.ts'
import { runCli } from '../cli/program.ts'
import { upstreamOf } from '../config/config.ts'
import { PurserError } from '../model/errors.ts'
import { scopesOf } from '../token/scope.ts'

/** Runs one of purser's own commands. @returns its exit code */
export function runCliDoor(runtime: Runtime): Promise<number> {
  const context: CliContext = {
    ...runtime,
    open: (flags) => openSession(createApp(runtime, flags), runtime),
    async serve(flags) {
      const { serve } = await import('./serve.ts')
      await serve(flags, runtime)
    },
  }
  return runCli(runtime.args, context)
}

function openSession(app: App, runtime: Runtime): Session {
  const { uid = 0, now } = runtime
  return {
    ...app,
    async storeAt(where) {
      const { openStoreAt } = await import('./store-at.ts')
      return openStoreAt(where, app, runtime)
    },
    async keeper() {
      return (await app.store()).keeper()
    },
    async authorize(target, login, signal) {
      const { createTokens } = await import('../token/tokens.ts')
      const { upstreams } = await app.config()
      const tokens = createTokens({ net: await app.net(), now })
      return tokens.authorizationFor({
        upstream: upstreamOf(upstreams, target.host),
        login,
        scopes: scopesOf(target),
        signal,
      })
    },
    async onFault({ host }) {
      return upstreamOf((await app.config()).upstreams, host).onFault
    },
    async leases() {
      const { socket } = app
      if (socket === undefined) throw new PurserError('agent-unreachable', 'PURSER_SOCKET is empty')
      const { createLeaseClient } = await import('../agent/lease-client.ts')
      return createLeaseClient(socket, uid)
    },
    async attach() {
      const { openAttach } = await import('./attach.ts')
      return openAttach(app)
    },
    async subjects() {
      const { findSubjects } = await import('./health.ts')
      return findSubjects(app)
    },
    async checker(timeoutMs) {
      const { openChecker } = await import('./health.ts')
      return openChecker(app, now, timeoutMs)
    },
    async status(signal) {
      const { socket } = app
      if (socket === undefined) throw new PurserError('agent-unreachable', 'PURSER_SOCKET is empty')
      const { fetchStatus } = await import('../agent/status.ts')
      const { parseStatus } = await import('../health/status.ts')
      return parseStatus(await fetchStatus({ socket, uid }, signal))
    },
  }
}
