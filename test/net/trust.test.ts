import { X509Certificate } from 'node:crypto'
import { type Agent, request } from 'node:https'
import { createServer, type Socket } from 'node:net'
import { getCACertificates } from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createDialer, type Dial } from '../../src/net/dial.ts'
import { createHttpsAgent } from '../../src/net/https-agent.ts'
import { AUTHORITIES, createTrust } from '../../src/net/trust.ts'
import { listen } from '../fakes/http.ts'
import { AUTHORITY, failure, tlsServer } from './harness.ts'

const API = 'api.ecr.us-east-1.amazonaws.com'

function statusOf(agent: Agent, hostname: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request({ agent, hostname, path: '/' }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode))
    })
      .on('error', reject)
      .end()
  })
}

/** An agent that trusts the test's authority only where it looks at these roots. */
function agentTrusting(trusting: readonly ('few' | 'all')[], port: number) {
  const connect = new Map([[`${API}:443`, `127.0.0.1:${port}`]])
  const [knows, knowsNot] = [[AUTHORITY.ca], []].map((ca) => createDialer({ ca, connect }))
  const asked: string[] = []
  const dial: Dial = (destination, options = {}) => {
    const { roots = 'all' } = options
    asked.push(roots)
    const chosen = trusting.includes(roots) ? knows : knowsNot
    if (chosen === undefined) throw new Error('no dialer')
    return chosen(destination, options)
  }
  const agent = createHttpsAgent(dial)
  onTestFinished(() => agent.destroy())
  return { agent, asked }
}

describe("a cloud's few roots", () => {
  const subjects = getCACertificates('bundled').map(
    (pem) => [pem, new X509Certificate(pem).subject] as const,
  )

  test.each(AUTHORITIES)('of $domains are what the runtime brings of it', ({ roots }) => {
    const owner = /^O=(?:Amazon|Google Trust Services LLC)$/m
    const own = subjects.filter(([, subject]) => owner.test(subject))
    for (const root of roots) {
      const found = subjects.filter(([pem]) => pem.includes(`\n${root}`))
      expect(found).toHaveLength(1)
      expect(own).toContain(found[0])
    }
  })

  test.each([
    ['api.ecr.us-east-1.amazonaws.com', true],
    ['ecr.us-east-1.api.aws', true],
    ['oauth2.googleapis.com', true],
    ['amazonaws.com.evil.example', false],
    ['evilamazonaws.com', false],
    ['ghcr.io', false],
  ])('are known for %s: %s', (hostname, known) => {
    expect(createTrust([]).few(hostname) !== undefined).toBe(known)
  })

  test('are never taken for all of them', () => {
    const trust = createTrust([])
    expect(trust.few(API)).not.toBe(trust.all())
    expect(trust.few(API)).toBe(trust.few(API))
  })
})

describe('an agent for SDKs', () => {
  test('looks at all roots only where the few know no issuer', async () => {
    const { port } = await tlsServer(API)
    const { agent, asked } = agentTrusting(['few', 'all'], port)
    expect(await statusOf(agent, API)).toBe(200)
    expect(asked).toEqual(['few'])
  })

  test('looks at all roots where the few know no issuer', async () => {
    const { port } = await tlsServer(API)
    const { agent, asked } = agentTrusting(['all'], port)
    expect(await statusOf(agent, API)).toBe(200)
    expect(asked).toEqual(['few', 'all'])
  })

  test('sends nothing to whom none of them know', async () => {
    const { port, seen } = await tlsServer(API)
    const { agent, asked } = agentTrusting([], port)
    expect(await failure(statusOf(agent, API))).toMatchObject({
      code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    })
    expect(asked).toEqual(['few', 'all'])
    expect(seen).toEqual([])
  })

  test('tries nothing else where the name is wrong', async () => {
    const { port, seen } = await tlsServer('other.example')
    const { agent, asked } = agentTrusting(['few', 'all'], port)
    expect(await failure(statusOf(agent, API))).toMatchObject({
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    })
    expect(asked).toEqual(['few'])
    expect(seen).toEqual([])
  })

  test('lets go of what is still connecting when it is destroyed', async () => {
    const accepted: Socket[] = []
    const server = createServer((socket) => {
      accepted.push(socket)
      agent.destroy()
    })
    const port = await listen(server as never)
    onTestFinished(() => {
      for (const socket of accepted) socket.destroy()
      server.close()
    })
    const { agent } = agentTrusting(['few', 'all'], port)
    expect(await failure(statusOf(agent, API))).toMatchObject({
      message: 'the program is stopping',
    })
  })
})
