import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { Shipped } from '../binary/shipped.ts'
import { keepBusy } from './client.ts'
import { LOGIN, startSoakRegistry } from './registry.ts'

/** What a soak came to. */
export interface Soaked {
  /** Reads, and pushes of three requests each. */
  readonly done: number
  readonly pushed: number
  /** The resident memory of `purser serve`, in MiB, once a second. */
  readonly memory: readonly number[]
  /** Connections of the proxy to its clients, at the most. */
  readonly mostOpen: number
  /** Sockets that the proxy had open before the first client, and after the last. */
  readonly before: number
  readonly after: number
}

const SAMPLE_MS = 1_000
/** Connections to registries are kept for a while by those who might need them again. */
const SETTLE_MS = 60_000

/**
 * Has clients pull and push through `purser serve` for a time.
 *
 * @throws what the first client did that did not get what it asked for
 */
export async function soak(shipped: Shipped, clients: number, forMs: number): Promise<Soaked> {
  const registry = await startSoakRegistry()
  shipped.stack.defer(() => registry.close())
  const { username, password } = LOGIN
  await shipped.purser(
    ['login', registry.host, '--username', username, '--password-stdin'],
    password,
  )
  const { port, pid } = await shipped.serve(
    [
      ...['[[upstream]]', `host = "${registry.host}"`, 'alias = "soak"', 'tls = false'],
      ...['redirects = "follow"', `storage = ["${registry.store}"]`],
    ],
    { PURSER_LOG: 'info' },
  )
  const before = socketsOf(pid)
  const memory: number[] = []
  let mostOpen = 0
  const sampler = setInterval(() => {
    memory.push(memoryOf(pid))
    mostOpen = Math.max(mostOpen, socketsOf(pid))
  }, SAMPLE_MS)
  const stop = new AbortController()
  const errand = { port, prefix: 'soak/', signal: stop.signal }
  const timer = setTimeout(() => stop.abort(), forMs)
  try {
    const working = Array.from({ length: clients }, (_, seed) => keepBusy(errand, seed))
    const done = (await Promise.all(working)).reduce((sum, each) => sum + each, 0)
    clearInterval(sampler)
    const after = await settle(pid, before)
    return { done, pushed: registry.pushed(), memory, mostOpen, before, after }
  } finally {
    clearTimeout(timer)
    clearInterval(sampler)
    stop.abort()
  }
}

/** Waits until there are no more sockets than there were, or for as long as any may be kept. */
async function settle(pid: number, before: number): Promise<number> {
  const end = Date.now() + SETTLE_MS
  while (socketsOf(pid) > before && Date.now() < end) await delay(SAMPLE_MS)
  return socketsOf(pid)
}

function socketsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => isSocket(`/proc/${pid}/fd/${fd}`)).length
}

/** A descriptor may close while we look. */
function isSocket(path: string): boolean {
  try {
    return readlinkSync(path).startsWith('socket:')
  } catch {
    return false
  }
}

/** In MiB. */
function memoryOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+([0-9]+) kB$/m.exec(status)?.[1]) / 1024
}
