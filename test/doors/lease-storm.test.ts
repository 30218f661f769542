import { existsSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { array, object, parse, string } from 'valibot'
import { expect, test } from 'vitest'
import { type Answer, ask, BASIC, fakeRegistry } from '../proxy/harness.ts'
import { askAgent, openLease, requestFor, showing } from './agent.ts'
import { serve } from './serving.ts'

const CLIENTS = 8
const LEASES = 200
const TRANSFERS = 50
/** More than the buffers on its way, so that a kill finds it in its middle. */
const BYTES = Buffer.alloc(512 * 1024, 'layer')

/** What whoever speaks to an agent that is killed, and comes back, sees meanwhile. */
const AWAY = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE'])

/** As every client does: a connection that breaks is tried again, and an answer is one. */
async function persist<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!AWAY.has(codeOf(error))) throw error
      await delay(50)
    }
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

const Listed = array(object({ id: string() }))

test('leases and their transfers go on after an agent that was killed', {
  timeout: 120_000,
}, async () => {
  const registry = await fakeRegistry({ auth: BASIC })
  const { host } = registry
  const digest = registry.putBlob('acme/app', BYTES)
  const config = [
    ...['[proxy]', `listen = ["127.0.0.1:${await freePort()}"]`, 'client_auth = "lease"'],
    ...['[[upstream]]', `host = "${host}"`, 'tls = false'],
  ]
  const { home, pid, url, exited } = await serve(config)
  const container = requestFor({ host, user: BASIC.username, password: BASIC.password })
  const open = () => persist(() => openLease(home, container))
  const read = (secret: string): Promise<Answer> => {
    const blob = `${url}/v2/${host.replace(':', '_')}/acme/app/blobs/${digest}`
    return persist(() => ask(blob, { headers: showing(secret) }))
  }

  let [closed, isOver, isBack] = [0, false, false]
  const { promise: half, resolve: tellHalf } = Promise.withResolvers<void>()

  /** A client that opens leases, uses each, and closes it. */
  async function come(): Promise<void> {
    for (let i = 0; i < LEASES / CLIENTS; i++) {
      const { id, secret } = await open()
      expect((await read(secret)).body.equals(BYTES)).toBe(true)
      const { status } = await persist(() => askAgent(home, 'DELETE', `/v1/leases/${id}`))
      // Of one that the killed agent had closed, the answer may not have come.
      expect([200, 404]).toContain(status)
      expect((await read(secret)).status).toBe(401)
      closed += 1
      if (closed === LEASES / 2) tellHalf()
    }
  }

  /** A container that reads for as long as it lives. @returns how often after the agent was back */
  async function stay(secret: string): Promise<number> {
    let since = 0
    while (!isOver || since === 0) {
      const began = isBack
      const { status, body } = await read(secret)
      expect(status).toBe(200)
      expect(body.equals(BYTES)).toBe(true)
      if (began) since += 1
    }
    return since
  }

  const kept = await Promise.all(Array.from({ length: TRANSFERS }, open))
  const staying = kept.map(({ secret }) => stay(secret))
  const coming = Array.from({ length: CLIENTS }, come)

  await Promise.race([half, Promise.all([...staying, ...coming])])
  process.kill(pid, 'SIGKILL')
  await exited
  // As a service manager does.
  rmSync(join(home, 'clients'), { recursive: true })
  await serve(config, { home })
  isBack = true
  await Promise.all(coming)
  isOver = true
  expect(Math.min(...(await Promise.all(staying)))).toBeGreaterThan(0)
  expect(closed).toBe(LEASES)

  const { body } = await askAgent(home, 'GET', '/v1/leases')
  const ids = parse(Listed, JSON.parse(body)).map(({ id }) => id)
  expect(ids).toEqual(expect.arrayContaining(kept.map(({ id }) => id)))
  // One that was opened for a client who never heard of it ends by its time.
  expect(ids.length - kept.length).toBeLessThanOrEqual(CLIENTS)
  const files = readdirSync(join(home, 'leases')).map((name) => name.replace('.lease', ''))
  expect(files.toSorted()).toEqual(ids.toSorted())
  while (!areSame(clientsIn(home), ids)) await delay(50)
})

function clientsIn(home: string): readonly string[] {
  const clients = join(home, 'clients')
  return existsSync(clients) ? readdirSync(clients) : []
}

function areSame(some: readonly string[], others: readonly string[]): boolean {
  return some.toSorted().join() === others.toSorted().join()
}

/** A port that nobody has, so that the second agent can have the first one's. */
async function freePort(): Promise<number> {
  const server = createServer()
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
  })
  await new Promise((resolve) => server.close(resolve))
  return port
}
