import { fork } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createAgentClient, preferAgent } from '../../src/agent/client.ts'
import { startAgent } from '../../src/agent/server.ts'
import { PurserError } from '../../src/model/errors.ts'
import { parseHost } from '../../src/model/host.ts'
import { Secret } from '../../src/model/secret.ts'
import type { Target } from '../../src/model/target.ts'
import { silentLog } from '../../src/observe/log.ts'
import type { Resolution, Resolver } from '../../src/resolver.ts'

const uid = process.geteuid?.() ?? 0
const vault = '/home/me/vault.db'
const never = new AbortController().signal
const target: Target = {
  workspace: 'default',
  host: parseHost('ghcr.io'),
  repository: 'acme/app',
  action: 'push',
}
const resolution: Resolution = {
  login: { username: 'u', secret: new Secret('s'), expiresAt: new Date('2030-01-01T00:00:00Z') },
  source: 'vault',
  from: 'entry default',
  registry: 'ghcr',
}

let directory: string
let socket: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'agent-'))
  socket = join(directory, 'agent.sock')
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

async function withAgent(resolver: Resolver, work: () => Promise<void>): Promise<void> {
  const status = () => ({ version: 'v' })
  const agent = await startAgent({ socket, uid, resolver, vault, log: silentLog, status })
  try {
    await work()
  } finally {
    await agent.close()
  }
}

function answering(answer: () => Promise<Resolution | undefined>) {
  const asked: Target[] = []
  const resolver: Resolver = {
    async resolve(question) {
      asked.push(question)
      return answer()
    },
  }
  return { asked, resolver }
}

const nothing = answering(async () => undefined).resolver

describe('the agent', () => {
  it('answers as its resolver does', async () => {
    const { asked, resolver } = answering(async () => resolution)
    await withAgent(resolver, async () => {
      const found = await createAgentClient({ socket, uid, vault }).resolve(target, never)
      expect(found?.login.secret.reveal()).toBe('s')
      expect(found).toMatchObject({ ...resolution, login: { username: 'u' } })
      expect(found?.login.expiresAt).toEqual(resolution.login.expiresAt)
    })
    expect(asked).toEqual([target])
  })

  it('tells a miss as a miss', async () => {
    await withAgent(nothing, async () => {
      expect(await createAgentClient({ socket, uid, vault }).resolve(target, never)).toBeUndefined()
    })
  })

  it("tells its resolver's fault as one, with code and hint", async () => {
    const { resolver } = answering(() => {
      throw new PurserError('exchange-failed', 'cannot log in', { hint: 'mend the keys' })
    })
    await withAgent(resolver, async () => {
      const asking = createAgentClient({ socket, uid, vault }).resolve(target, never)
      await expect(asking).rejects.toMatchObject({
        code: 'exchange-failed',
        message: 'cannot log in',
        hint: 'mend the keys',
      })
    })
  })

  it('answers for its own vault alone', async () => {
    const { asked, resolver } = answering(async () => resolution)
    const own = answering(async () => ({ ...resolution, source: 'own' }))
    await withAgent(resolver, async () => {
      const other = createAgentClient({ socket, uid, vault: '/home/you/vault.db' })
      await expect(other.resolve(target, never)).rejects.toMatchObject({
        code: 'agent-unreachable',
      })
      const found = await preferAgent(other, async () => own.resolver).resolve(target, never)
      expect(found?.source).toBe('own')
    })
    expect(asked).toEqual([])
  })

  it('listens where only its user gets', async () => {
    await withAgent(nothing, async () => {
      expect(statSync(socket).mode & 0o777).toBe(0o600)
    })
    expect(existsSync(socket)).toBe(false)
  })

  it('is one: a second is refused and leaves the socket of the first', async () => {
    const { resolver } = answering(async () => resolution)
    await withAgent(resolver, async () => {
      const second = startAgent({
        socket,
        uid,
        resolver,
        vault,
        log: silentLog,
        status: () => ({}),
      })
      await expect(second).rejects.toMatchObject({
        code: 'not-allowed',
        message: `another agent holds ${socket}.lock`,
      })
      const found = await createAgentClient({ socket, uid, vault }).resolve(target, never)
      expect(found?.source).toBe('vault')
    })
  })

  it('takes over from one that was killed', async () => {
    const killed = fork(join(import.meta.dirname, 'abandon.ts'), [socket])
    await new Promise((resolve) => killed.once('message', resolve))
    killed.kill('SIGKILL')
    await new Promise((resolve) => killed.once('exit', resolve))
    expect(existsSync(socket)).toBe(true)
    const { resolver } = answering(async () => resolution)
    await withAgent(resolver, async () => {
      const found = await createAgentClient({ socket, uid, vault }).resolve(target, never)
      expect(found?.source).toBe('vault')
    })
  })

  it('tells its resolver when the client has gone, and only then', async () => {
    const signals: AbortSignal[] = []
    let asked = () => {}
    const resolver: Resolver = {
      resolve(_, signal) {
        signals.push(signal)
        asked()
        if (signals.length === 1) return Promise.resolve(resolution)
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason))
        })
      },
    }
    await withAgent(resolver, async () => {
      const client = createAgentClient({ socket, uid, vault })
      await client.resolve(target, never)
      const leave = new AbortController()
      asked = () => leave.abort(new Error('gone'))
      await expect(client.resolve(target, leave.signal)).rejects.toThrow('gone')
      const [first, second] = signals
      await new Promise((resolve) => second?.addEventListener('abort', resolve))
      expect(first?.aborted).toBe(false)
    })
  })

  it.each([
    ['a question that is not JSON', 'x', /the agent's question is not JSON/],
    ['a question without host', '{"workspace":"w","action":"pull"}', /host is missing/],
    [
      'a look-alike host',
      '{"workspace":"w","action":"pull","host":"ghcr.io@evil.example"}',
      /cannot read \\"ghcr.io@evil.example\\" as a registry host/,
    ],
    [
      'a host that is no string',
      '{"workspace":"w","action":"pull","host":1}',
      /host must be a string/,
    ],
    [
      'an action it does not know',
      '{"workspace":"w","action":"own","host":"a.io"}',
      /action must be/,
    ],
    ['what is no object', '"ghcr.io"', /it must be an object/],
    [
      'a repository that takes seconds to look up',
      JSON.stringify({
        workspace: 'w',
        action: 'pull',
        host: 'a.io',
        repository: 'a/'.repeat(2_000),
      }),
      /repository has more than 2048 characters/,
    ],
    ['more than 64 KiB', JSON.stringify('a'.repeat(70_000)), /more than 64 KiB/],
  ])('refuses %s', async (_, body, pattern) => {
    await withAgent(nothing, async () => {
      const { status, text } = await post(body)
      expect(status).toBe(400)
      expect(text).toMatch(pattern)
    })
  })
})

describe("the agent's client", () => {
  it('falls back to its own resolver only where no agent answers', async () => {
    const own = answering(async () => ({ ...resolution, source: 'own' }))
    const resolver = preferAgent(
      createAgentClient({ socket, uid, vault }),
      async () => own.resolver,
    )
    expect((await resolver.resolve(target, never))?.source).toBe('own')
    await withAgent(nothing, async () => {
      expect(await resolver.resolve(target, never)).toBeUndefined()
    })
    expect(own.asked).toHaveLength(1)
  })

  it('falls back from a socket that nobody listens on', async () => {
    const server = createServer().listen(socket)
    await new Promise((resolve) => server.once('listening', resolve))
    chmodSync(socket, 0o600)
    server.close()
    writeFileSync(join(directory, 'x'), '')
    const asking = createAgentClient({ socket, uid, vault }).resolve(target, never)
    await expect(asking).rejects.toMatchObject({ code: 'agent-unreachable' })
  })

  it.each([
    ['directory', 0o755, 0o600],
    ['socket', 0o700, 0o666],
  ])('does not ask where others can reach the %s', async (_, directoryMode, socketMode) => {
    await withAgent(nothing, async () => {
      chmodSync(directory, directoryMode)
      chmodSync(socket, socketMode)
      const asking = createAgentClient({ socket, uid, vault }).resolve(target, never)
      await expect(asking).rejects.toMatchObject({ code: 'unsafe-file' })
      chmodSync(directory, 0o700)
    })
  })

  it('says that a path is too long for a socket', async () => {
    const long = join(directory, 'a'.repeat(108))
    const asking = createAgentClient({ socket: long, uid, vault }).resolve(target, never)
    await expect(asking).rejects.toMatchObject({ code: 'config-invalid' })
  })
})

function post(body: string): Promise<{ status: number | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath: socket, path: '/v1/login', method: 'POST' }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode, text }))
    })
    sent.on('error', reject)
    sent.end(body)
  })
}
