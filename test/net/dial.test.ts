import { createServer as createTcpServer } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { codeOf, describeError } from '../../src/model/errors.ts'
import { createDialer } from '../../src/net/dial.ts'
import { listen } from '../fakes/http.ts'
import { failure, net, tlsServer } from './harness.ts'

describe('connections', () => {
  test('that are not made within their time are given up', async () => {
    const server = createTcpServer()
    const port = await listen(server as never)
    onTestFinished(() => void server.close())
    const dial = createDialer({
      ca: [],
      connect: new Map(),
      connectTimeoutMs: 50,
    })
    const error = await failure(dial({ protocol: 'https:', hostname: '127.0.0.1', port }))
    expect([codeOf(error), describeError(error)]).toEqual([
      'network',
      'no connection within 0.05 s',
    ])
  })
})

describe('addresses of both kinds', () => {
  const both = (addresses: readonly object[]) =>
    ((...args: unknown[]) => {
      const callback = args.at(-1) as (error: null, found: readonly object[]) => void
      callback(null, addresses)
    }) as never

  test('a name whose first address leads nowhere is reached by its second', async () => {
    const server = await tlsServer('both.example')
    const { upstream } = net({
      resolve: both([
        // Nothing listens there: the server is on 127.0.0.1 alone.
        { address: '::1', family: 6 },
        { address: '127.0.0.1', family: 4 },
      ]),
    })
    const origin = `https://both.example:${server.port}`
    const answer = await upstream.request({ origin, path: '/', method: 'GET' })
    await answer.body.dump()
    expect(server.connections()).toBe(1)
  })

  test('a registry may be an IPv6 address', async () => {
    const server = await tlsServer('::1', '127.0.0.1')
    const connect = new Map([[`[2001:db8::5]:443`, `127.0.0.1:${server.port}`]])
    const { upstream } = net({ connect })
    const origin = 'https://[2001:db8::5]'
    const error = await failure(upstream.request({ origin, path: '/', method: 'GET' }))
    expect(error).toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
    const right = await tlsServer('2001:db8::5')
    const there = net({ connect: new Map([['[2001:db8::5]:443', `127.0.0.1:${right.port}`]]) })
    const answer = await there.upstream.request({ origin, path: '/', method: 'GET' })
    await answer.body.dump()
    expect(right.seen).toEqual(['false [2001:db8::5] full 1.1'])
  })
})

describe('the guarded door', () => {
  test.each(['https://127.0.0.1:9', 'http://169.254.169.254', 'http://[::ffff:127.0.0.1]:9'])(
    'does not lead to %s',
    async (origin) => {
      const { realm } = net()
      const error = await failure(
        realm({ allowPrivate: false }).request({ origin, path: '/', method: 'GET' }),
      )
      expect(codeOf(error)).toBe('policy')
      expect(describeError(error)).toMatch(/^refused to connect to .*: not a public address$/)
    },
  )

  test('nor to a name that resolves there', async () => {
    const { realm } = net()
    const error = await failure(
      realm({ allowPrivate: false }).request({
        origin: 'https://localhost:9',
        path: '/',
        method: 'GET',
      }),
    )
    expect(codeOf(error)).toBe('policy')
    expect(describeError(error)).toMatch(/^refused to connect to localhost at /)
  })

  test('nor to one that has a public address beside', async () => {
    const resolve = (...args: unknown[]) => {
      const callback = args.at(-1) as (error: null, addresses: object[]) => void
      callback(null, [
        { address: '1.1.1.1', family: 4 },
        { address: '10.0.0.1', family: 4 },
      ])
    }
    const dial = createDialer({
      ca: [],
      connect: new Map(),
      resolve: resolve as never,
    })
    const error = await failure(
      dial({ protocol: 'http:', hostname: 'mixed.example', port: 80 }, { guard: 'public' }),
    )
    expect(describeError(error)).toBe(
      'refused to connect to mixed.example at 10.0.0.1: not a public address',
    )
  })

  test('stands open where the policy allows it', async () => {
    const server = await tlsServer('127.0.0.1')
    const answer = await net()
      .realm({ allowPrivate: true })
      .request({ origin: `https://127.0.0.1:${server.port}`, path: '/', method: 'GET' })
    await answer.body.dump()
    expect(answer.statusCode).toBe(200)
  })
})
