import { chmodSync, chownSync } from 'node:fs'
import { createServer } from 'node:http'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { createAgentClient } from '../../src/agent/client.ts'
import { createLeaseClient } from '../../src/agent/lease-client.ts'
import { answerLeases, type LeaseManager } from '../../src/agent/leases.ts'
import { checkSocketPath } from '../../src/agent/own-socket.ts'
import { decodeAnswer, decodeQuestion, decodeRefusal } from '../../src/agent/protocol.ts'
import { startAgent } from '../../src/agent/server.ts'
import { fetchStatus } from '../../src/agent/status.ts'
import { parseStatus } from '../../src/health/status.ts'
import { createLeases } from '../../src/lease/leases.ts'
import { PurserError } from '../../src/model/errors.ts'
import { parseHost } from '../../src/model/host.ts'
import { silentLog } from '../../src/observe/log.ts'
import type { Resolver } from '../../src/resolver.ts'
import { noVault } from '../../src/vault/no-vault.ts'
import { requestWith } from '../lease/harness.ts'
import { targetOf } from '../registries/harness.ts'
import { basic, entryKey } from '../vault/files.ts'
import type { Provocation, Provocations, Stage } from './stage.ts'

const uid = process.geteuid?.() ?? 0
const TARGET = targetOf(parseHost('ghcr.io'))
const BROKEN: Resolver = {
  resolve: async () => {
    throw new PurserError('exchange-failed', 'the cloud refused', { hint: 'ask it why' })
  },
}

async function start({ root }: Stage, resolver: Resolver, vault = '/vault.db'): Promise<string> {
  const socket = join(root, 'agent.sock')
  const status = () => ({})
  const agent = await startAgent({ socket, uid, resolver, vault, log: silentLog, status })
  onTestFinished(() => agent.close())
  return socket
}

function resolve(socket: string): Promise<unknown> {
  const client = createAgentClient({ socket, uid, vault: '/vault.db' })
  return client.resolve(TARGET, AbortSignal.timeout(10_000))
}

/** An agent whose socket, or its directory, is like this. */
const behind =
  (spoil: (socket: string) => void): Provocation =>
  async (stage) => {
    const socket = await start(stage, BROKEN)
    spoil(socket)
    return resolve(socket)
  }

/** A server that is no agent, or one of another make. */
const answering =
  (status: number, text: string, ask: (socket: string) => unknown = resolve): Provocation =>
  async ({ root }) => {
    const socket = join(root, 'agent.sock')
    const server = createServer((_, res) => void res.writeHead(status).end(text))
    await new Promise<void>((done) => void server.listen(socket, done))
    onTestFinished(() => void server.close())
    chmodSync(socket, 0o600)
    return ask(socket)
  }

const NO_LEASES: LeaseManager = {
  open: () => Promise.reject(new Error('nobody opens one here')),
  renew: () => undefined,
  close: () => false,
  list: () => [],
  resolverOf: () => undefined,
}

/** What opens a lease there. */
const open = (socket: string) =>
  createLeaseClient(socket, uid).open('{}', 'team', AbortSignal.timeout(10_000))

const statusOf = (socket: string) => fetchStatus({ socket, uid }, AbortSignal.timeout(10_000))

/** What an agent, and whoever asks one, are refused with. */
export const AGENT: Provocations = {
  'nobody listens': ({ root }) => resolve(join(root, 'agent.sock')),
  'it answers for another vault': async (stage) => resolve(await start(stage, BROKEN, '/other.db')),
  'it passes on a refusal': async (stage) => resolve(await start(stage, BROKEN)),
  'its path is too long': () => checkSocketPath(`/${'a'.repeat(107)}`),
  'others can reach its socket': behind((socket) => chmodSync(socket, 0o666)),
  'others can reach its directory': behind((socket) => chmodSync(dirname(socket), 0o755)),
  'its socket is somebody else’s': behind((socket) => chownSync(socket, 65_534, 65_534)),
  'another agent is there': async (stage) => {
    await start(stage, BROKEN)
    return start(stage, BROKEN)
  },
  'its answer is not JSON': answering(200, '<html>'),
  'its answer is a text': () => decodeAnswer('"x"'),
  'its answer has no secret': () => decodeAnswer('{"username":"u"}'),
  'its answer has a number': () => decodeAnswer('{"username":7}'),
  'its answer ends at no time': () =>
    decodeAnswer('{"username":"u","secret":"s","expiresAt":"soon"}'),
  'its refusal has no code': () => decodeRefusal('{}'),
  'it is asked in HTML': () => decodeQuestion('<html>'),
  'it is asked for another action': () =>
    decodeQuestion('{"action":"admire","host":"ghcr.io","workspace":"w","vault":"v"}'),
  'it is asked for too long a name': () =>
    decodeQuestion(JSON.stringify({ action: 'pull', repository: 'a'.repeat(2049) })),
  'it is asked too much': async (stage) => {
    const socket = await start(stage, BROKEN)
    const target = { ...TARGET, workspace: 'w'.repeat(70_000) }
    const client = createAgentClient({ socket, uid, vault: '/vault.db' })
    return client.resolve(target, AbortSignal.timeout(10_000))
  },
  'it is asked as a lease that has ended': async (stage) => {
    const socket = await start(stage, BROKEN)
    const client = createAgentClient({ socket, uid, vault: '/vault.db', lease: '0123456789abcdef' })
    return client.resolve(TARGET, AbortSignal.timeout(10_000))
  },
  'nobody opens leases': ({ root }) => open(join(root, 'agent.sock')),
  'its lease is another’s': answering(201, '{"id":"../../etc"}', open),
  'its lease is too long': answering(201, ' '.repeat(3 * 1024 * 1024), open),
  'a lease is to keep a login': () => noVault.put(entryKey('ghcr.io'), basic('S3CRET')),
  'a lease is to live for no number': () =>
    answerLeases(NO_LEASES, 'PATCH', '/0123456789abcdef', {
      query: new URLSearchParams('life=soon'),
      body: async () => Buffer.alloc(0),
      signal: AbortSignal.timeout(10_000),
    }),
  'there are too many leases': () => {
    const store = { read: () => [], write() {}, remove() {}, isStale: () => false }
    const leases = createLeases({ store, now: () => 0 })
    for (;;) leases.open(requestWith(), { workspace: 'team' })
  },
  'its status is too long': answering(200, ' '.repeat(2 * 1024 * 1024 + 1), statusOf),
  'its status is not to be had': ({ root }) => statusOf(join(root, 'agent.sock')),
  'its status is another’s': () => parseStatus({ version: 7 }),
}
