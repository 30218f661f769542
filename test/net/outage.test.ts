import { createServer, type Server } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { describeError, PurserError } from '../../src/model/errors.ts'
import { createDialer } from '../../src/net/dial.ts'
import { createOutages } from '../../src/net/outage.ts'
import { listen } from '../fakes/http.ts'
import { failure } from './harness.ts'

function set() {
  let at = 0
  let attempts = 0
  const outages = createOutages({ now: () => at })
  const connect = (tookMs: number, error?: Error) => async () => {
    attempts++
    at += tookMs
    if (error !== undefined) throw error
    return 'connected'
  }
  return {
    avoid: (tookMs: number, error?: Error) =>
      failure(outages.avoid('ghcr.io:443', connect(tookMs, error)).then(String)),
    avoidOf: (origin: string) => outages.avoid(origin, connect(0)),
    outages,
    pass: (ms: number) => {
      at += ms
    },
    attempts: () => attempts,
  }
}

const SILENT = new PurserError('network', 'no connection within 10 s')

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code })
}

test('what took ten seconds to find out is told again for five', async () => {
  const { avoid, avoidOf, pass, attempts } = set()
  expect(await avoid(10_000, SILENT)).toBe(SILENT)
  pass(4_999)
  expect(await avoid(0)).toBe(SILENT)
  expect(attempts()).toBe(1)
  expect(await avoidOf('quay.io:443')).toBe('connected')
  pass(1)
  expect(await avoid(0)).toBe('no error')
})

test('one looks whether it is over, and the others wait for what it finds', async () => {
  const { avoid, outages, pass } = set()
  await avoid(10_000, SILENT)
  pass(5_000)
  const { promise, reject } = Promise.withResolvers<never>()
  const first = failure(outages.avoid('ghcr.io:443', () => promise))
  expect(await avoid(0)).toBe(SILENT)
  const again = new PurserError('network', 'no connection within 10 s')
  pass(10_000)
  reject(again)
  expect(await first).toBe(again)
  expect(await avoid(0)).toBe(again)
})

test.each([
  { name: 'is refused at once', tookMs: 0, error: systemError('ECONNREFUSED') },
  { name: 'has no good certificate', tookMs: 3_000, error: systemError('CERT_HAS_EXPIRED') },
])('what $name is tried again at once', async ({ tookMs, error }) => {
  const { avoid, attempts } = set()
  expect(await avoid(tookMs, error)).toBe(error)
  expect(await avoid(0)).toBe('no error')
  expect(attempts()).toBe(2)
})

test('a silent host costs the first who asks its time, and those behind him nothing', async () => {
  const server: Server = createServer()
  const port = await listen(server as never)
  let connections = 0
  server.on('connection', () => connections++)
  onTestFinished(() => void server.close())
  let at = 0
  const dial = createDialer({
    ca: [],
    connect: new Map(),
    connectTimeoutMs: 50,
    uptime: () => at,
  })
  const destination = { protocol: 'https:', hostname: '127.0.0.1', port } as const
  const first = failure(dial(destination))
  at = 10_000
  const told = 'no connection within 0.05 s'
  expect(describeError(await first)).toBe(told)
  for (let i = 0; i < 100; i++) expect(describeError(await failure(dial(destination)))).toBe(told)
  expect(connections).toBe(1)
})
