import type { LeaseManager } from '../agent/leases.ts'
import { createRenewal, type Renewal } from '../agent/renewal.ts'
import { type Agent, startAgent } from '../agent/server.ts'
import { type App, type AppOptions, createApp, type Runtime } from '../app.ts'
import type { ServeFlags } from '../cli/context.ts'
import { nameOfVault } from '../config/vault-url.ts'
import type { Log } from '../observe/log.ts'
import { createRateLimits } from '../observe/rate-limits.ts'
import { createTraffic } from '../proxy/traffic.ts'
import { attachOf } from './attach.ts'
import { type Gateway, openGateway } from './gateway.ts'
import {
  beginGeneration,
  createGenerations,
  type Generation,
  type Generations,
  resolverOf,
} from './generation.ts'
import { type Health, startHealth } from './health.ts'
import { type Leasing, openLeases } from './leases.ts'
import { createExchangeTally, type Observation, tellStatus } from './observation.ts'
import { createReload } from './reload.ts'
import { holdYoungGeneration } from './young-generation.ts'

/**
 * Runs the proxy and the agent until told to stop.
 *
 * @throws `config-invalid`, `network` if an address is taken, `not-allowed` if an agent runs already
 */
export async function serve(flags: ServeFlags, runtime: Runtime): Promise<void> {
  const { now, signal, hurry } = runtime
  let hungUp = false
  runtime.onHangup(() => {
    hungUp = true
  })
  const exchanges = createExchangeTally()
  const seen: AppOptions['seen'] = (registry, outcome) => exchanges.count({ registry, outcome })
  const app = createApp(runtime, flags, { seen, stays: true })
  const log = await app.log('info')
  const closers: (() => Promise<void>)[] = [() => app.close()]
  try {
    const generations = createGenerations(await beginGeneration(app))
    closers.splice(0, 1, generations.close)
    let gateway: Gateway | undefined
    const renewal = startRenewal(generations, runtime, log)
    closers.unshift(async () => renewal.close())
    let health: Health | undefined
    let leasing: Leasing | undefined
    const observation: Observation = {
      version: runtime.version,
      renewal,
      rateLimits: createRateLimits({ now }),
      traffic: createTraffic(),
      exchanges,
      health: () => health,
      leases: () => leasing?.outlooks() ?? [],
    }
    const listening = () => gateway?.listening() ?? []
    const socket = await ownSocket(app, runtime)
    if (socket !== undefined) {
      leasing = await openLeases({ ...runtime, generations, socket, log, listening })
    }
    closers.unshift(async () => leasing?.close())
    const served = { log, observation, listening, leases: leasing?.manager }
    const agent =
      socket === undefined
        ? undefined
        : await startOwnAgent(socket, generations, app, runtime, served)
    if (agent !== undefined) {
      closers.unshift(() => agent.close())
      health = await startHealth(generations, runtime, log)
      closers.unshift(async () => health?.close())
    }
    gateway = await openGateway({
      ...runtime,
      flags,
      generations,
      observation,
      tenancy: leasing,
      log,
    })
    const { close, follow, describe } = gateway
    closers.unshift(() => close(hurry))
    const reload = createReload({
      current: generations.current,
      renew: (before) => createApp(runtime, flags, { seen, before }),
      async adopt(next) {
        const before = generations.current()
        await follow(next)
        generations.follow(next)
        if (agent === undefined || isSameWatch(before, next)) return
        await health?.close()
        health = await startHealth(generations, runtime, log)
      },
      log,
    })
    closers.unshift(reload.close)
    runtime.onHangup(reload.begin)
    // Before all was ready: who knows whether the file had been read by then.
    if (hungUp) reload.begin()
    runtime.writeOut(describe())
    // Not before all is loaded: V8 refuses a code cache that was made under other flags.
    using _ = holdYoungGeneration()
    await aborted(signal)
    log.info('stopping')
  } finally {
    for (const close of closers) await close()
  }
}

/** What agent and proxy ask: their logins are renewed ahead, while somebody uses them. */
function startRenewal(generations: Generations, { now }: Runtime, log: Log): Renewal {
  const renewal = createRenewal({
    resolver: resolverOf(generations),
    now,
    random: Math.random,
    log,
  })
  renewal.start()
  return renewal
}

function isSameWatch({ config: before }: Generation, { config: after }: Generation): boolean {
  return JSON.stringify(before.health) === JSON.stringify(after.health)
}

/**
 * Where the agent is to listen; `undefined` if there is to be none.
 *
 * With a request there is none, unless its socket is named: what was given to one container is not
 * for every process of this user.
 */
async function ownSocket(app: App, { env }: Runtime): Promise<string | undefined> {
  const hasRequest = (await app.request()) !== undefined
  return hasRequest && !env['PURSER_SOCKET'] ? undefined : app.socket
}

/** Starts the agent, before anything listens: one that runs already is a reason not to. */
async function startOwnAgent(
  socket: string,
  generations: Generations,
  app: App,
  { pid, now, uid = 0 }: Runtime,
  { log, observation, listening, leases }: Served,
): Promise<Agent> {
  const { workspace } = app
  const { vault } = await app.config()
  const startedAt = new Date(now())
  const agent = await startAgent({
    socket,
    uid,
    resolver: observation.renewal,
    vault: nameOfVault(vault.place),
    attach: attachOf(generations),
    ...(leases && { leases }),
    workspace,
    log,
    status: () =>
      tellStatus(observation, { pid, startedAt, workspace, listening: [...listening()] }),
  })
  log.info('agent listening', { socket })
  return agent
}

interface Served {
  readonly log: Log
  readonly observation: Observation
  readonly leases: LeaseManager | undefined
  listening(): readonly string[]
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
