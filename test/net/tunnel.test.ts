import { request as httpsRequest } from 'node:https'
import type { Duplex } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { inspect } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { codeOf, describeError, hintOf } from '../../src/model/errors.ts'
import type { DialerOptions } from '../../src/net/dial.ts'
import { findWebProxy } from '../../src/net/web-proxy.ts'
import { startWebProxy, type WebProxyOptions } from '../fakes/web-proxy.ts'
import { AUTHORITY, failure, net, tlsServer } from './harness.ts'

interface SetOptions extends WebProxyOptions {
  /** In the URL of the environment. */
  readonly given?: string
  readonly exceptions?: string
  readonly scheme?: string
}

/** A registry at `ghcr.io:443` that only the proxy finds. */
async function set(options: SetOptions = {}, dialer: Partial<DialerOptions> = {}) {
  const { given, exceptions = '', scheme = 'http' } = options
  const server = await tlsServer('ghcr.io')
  const proxy = await startWebProxy({ names: { 'ghcr.io:443': server.port }, ...options })
  onTestFinished(() => proxy.close())
  const url = `${scheme}://${given === undefined ? '' : `${given}@`}127.0.0.1:${proxy.port}`
  const webProxy = findWebProxy(
    { proxy: 'environment', login: undefined, exceptions: [] },
    { HTTPS_PROXY: url, NO_PROXY: exceptions },
  )
  return { server, proxy, ...net({ proxy: webProxy, ...dialer }) }
}

const GET = { path: '/', method: 'GET' } as const

describe('by a proxy', () => {
  test('goes https, verified from end to end, on connections that are kept', async () => {
    const { upstream, server, proxy } = await set()
    for (let i = 0; i < 2; i++) {
      const answer = await upstream.request({ origin: 'https://ghcr.io', ...GET })
      expect(await answer.body.json()).toEqual({ bytes: 1 })
      // The connection is free again once undici has had its turn.
      await setImmediate()
    }
    expect(server.seen).toEqual(['ghcr.io ghcr.io full 1.1', 'ghcr.io ghcr.io full 1.1'])
    expect(server.connections()).toBe(1)
    expect(proxy.asked).toEqual([{ target: 'ghcr.io:443', login: undefined }])
    expect(proxy.others).toEqual([])
  })

  test('go SDKs that bring their own client', async () => {
    const { httpsAgent, server, proxy } = await set({ given: 'ann:secret', login: 'ann:secret' })
    const status = await new Promise((resolve, reject) => {
      httpsRequest('https://ghcr.io/', { agent: httpsAgent }, (res) => {
        res.resume().once('end', () => resolve(res.statusCode))
      })
        .once('error', reject)
        .end()
    })
    expect([status, server.seen.length, proxy.asked.length]).toEqual([200, 1, 1])
  })

  test('that speaks TLS itself', async () => {
    const { upstream, server } = await set({
      scheme: 'https',
      tls: AUTHORITY.certificateFor('127.0.0.1'),
    })
    const answer = await upstream.request({ origin: 'https://ghcr.io', ...GET })
    expect(await answer.body.json()).toEqual({ bytes: 1 })
    expect(server.seen).toEqual(['ghcr.io ghcr.io full 1.1'])
  })

  test('whose own certificate is nobody’s, nothing goes', async () => {
    const { upstream, proxy } = await set({
      scheme: 'https',
      tls: AUTHORITY.certificateFor('elsewhere.example'),
    })
    const error = await failure(upstream.request({ origin: 'https://ghcr.io', ...GET }))
    expect(describeError(error)).toMatch(
      /^cannot reach the proxy 127\.0\.0\.1:[0-9]+: ERR_TLS_CERT_ALTNAME_INVALID$/,
    )
    expect(proxy.asked).toEqual([])
  })

  test('nothing goes on that is not the destination', async () => {
    const other = await tlsServer('evil.example')
    const { upstream } = await set({ names: { 'ghcr.io:443': other.port } })
    const error = await failure(upstream.request({ origin: 'https://ghcr.io', ...GET }))
    expect(error).toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
    expect(other.seen).toEqual([])
  })

  test.each([
    { name: 'what NO_PROXY names', origin: 'https://registry.invalid' },
    { name: 'what is plain http', origin: 'http://plain.invalid' },
  ])('goes not $name', async ({ origin }) => {
    const { upstream, proxy } = await set({ exceptions: '10.0.0.0/8,registry.invalid' })
    // That the name is looked up here is what is seen.
    const error = await failure(upstream.request({ origin, ...GET }))
    expect(error).toMatchObject({ syscall: 'getaddrinfo' })
    expect(proxy.asked).toEqual([])
  })

  test('goes nothing of this machine, nor what [connect] sends elsewhere', async () => {
    const [here, there] = [await tlsServer('127.0.0.1'), await tlsServer('ghcr.io')]
    const connect = new Map([['ghcr.io:443', `127.0.0.1:${there.port}`]])
    const { upstream, proxy } = await set({}, { connect })
    for (const origin of [`https://127.0.0.1:${here.port}`, 'https://ghcr.io']) {
      const answer = await upstream.request({ origin, ...GET })
      expect(await answer.body.json()).toEqual({ bytes: 1 })
    }
    expect(proxy.asked).toEqual([])
  })
})

describe('a proxy that will not', () => {
  const end = (text: string) => (socket: Duplex) => void socket.end(text)

  test.each([
    {
      name: 'wants a login',
      options: { login: 'ann:secret' },
      message: 'wants a login, status 407',
      hint: 'name a file that holds user:password in proxy_auth of [net]',
    },
    {
      name: 'refuses a login',
      options: { login: 'ann:secret', given: 'ann:old' },
      message: 'refused its login, status 407',
      hint: 'see whether it is still good, and whether the proxy takes Basic',
    },
    {
      name: 'refuses the destination',
      options: { names: {} },
      message: 'will not connect to ghcr.io:443, status 403',
      hint: 'have it allowed there, or, if it is to be reached without, add it to NO_PROXY',
    },
    {
      name: 'sends it elsewhere',
      options: { answer: end('HTTP/1.1 302 Found\r\nLocation: http://evil.example/\r\n\r\n') },
      message: 'will not connect to ghcr.io:443, status 302',
    },
    {
      name: 'is no proxy',
      options: { answer: end('SSH-2.0-OpenSSH_9.2\r\n') },
      message: 'gave no answer: HPE_INVALID_CONSTANT',
    },
    {
      name: 'hangs up',
      options: { answer: (socket: Duplex) => void socket.destroy() },
      message: 'gave no answer: ECONNRESET',
    },
    {
      name: 'speaks for the destination',
      options: { answer: end('HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n') },
      message: 'sent more than an answer',
    },
    {
      name: 'has no end of headers',
      options: { answer: end(`HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(100_000)}`) },
      message: 'gave no answer: HPE_HEADER_OVERFLOW',
    },
  ])('because it $name: is told as such', async ({ options, message, hint }) => {
    const { upstream, server, proxy } = await set(options)
    const error = await failure(upstream.request({ origin: 'https://ghcr.io', ...GET }))
    expect([codeOf(error), describeError(error)]).toEqual([
      'network',
      `the proxy 127.0.0.1:${proxy.port} ${message}`,
    ])
    if (hint !== undefined) expect(hintOf(error)).toBe(hint)
    expect(server.seen).toEqual([])
    expect(inspect(error, { depth: 10, showHidden: true })).not.toMatch(/ann|secret|YW5u/)
  })

  test('answer in time', async () => {
    const { upstream } = await set({ answer: () => undefined }, { connectTimeoutMs: 100 })
    const error = await failure(upstream.request({ origin: 'https://ghcr.io', ...GET }))
    expect(describeError(error)).toBe('no connection within 0.1 s')
  })

  test('be reached', async () => {
    const { upstream, proxy } = await set()
    await proxy.close()
    const error = await failure(upstream.request({ origin: 'https://ghcr.io', ...GET }))
    expect(describeError(error)).toBe(
      `cannot reach the proxy 127.0.0.1:${proxy.port}: connect ECONNREFUSED 127.0.0.1:${proxy.port}`,
    )
  })
})

describe('the guarded door by a proxy', () => {
  const resolving = (address: string | undefined) =>
    ((...args: unknown[]) => {
      const callback = args.at(-1) as (error: Error | null, found: object[]) => void
      const unknown = Object.assign(new Error('unknown'), { code: 'ENOTFOUND' })
      if (address === undefined) callback(unknown, [])
      else callback(null, [{ address, family: 4 }])
    }) as never

  test.each([
    { name: 'leads to a public address', address: '140.82.121.34' },
    { name: 'leads to a known name that is not known here', isKnown: true },
  ])('$name', async ({ address, isKnown = false }) => {
    const { realm, proxy } = await set({}, { resolve: resolving(address) })
    const guarded = realm({ allowPrivate: false, isKnown })
    const answer = await guarded.request({ origin: 'https://ghcr.io', ...GET })
    expect(await answer.body.json()).toEqual({ bytes: 1 })
    expect(proxy.asked.length).toBe(1)
  })

  test.each([
    {
      name: 'a name of this network',
      address: '10.0.0.5',
      message: 'refused to connect to ghcr.io at 10.0.0.5: not a public address',
    },
    {
      name: 'a known name of this network',
      address: '10.0.0.5',
      isKnown: true,
      message: 'refused to connect to ghcr.io at 10.0.0.5: not a public address',
    },
    {
      name: 'an address of this network',
      origin: 'https://10.0.0.5',
      message: 'refused to connect to 10.0.0.5: not a public address',
    },
    {
      name: 'a name that only the proxy knows',
      message:
        'refused to have the proxy connect to ghcr.io, whose address is not known here: ENOTFOUND',
    },
  ])('leads not to $name', async ({ address, isKnown = false, origin, message }) => {
    const { realm, proxy } = await set({}, { resolve: resolving(address) })
    const error = await failure(
      realm({ allowPrivate: false, isKnown }).request({
        origin: origin ?? 'https://ghcr.io',
        ...GET,
      }),
    )
    expect([codeOf(error), describeError(error)]).toEqual(['policy', message])
    expect(proxy.asked).toEqual([])
  })

  test('leads where the operator said', async () => {
    const { realm, server } = await set({}, { resolve: resolving(undefined) })
    const answer = await realm({ allowPrivate: true }).request({
      origin: 'https://ghcr.io',
      ...GET,
    })
    await answer.body.dump()
    expect(server.seen.length).toBe(1)
  })
})
