import { execFile } from 'node:child_process'
import { request as httpsRequest } from 'node:https'
import { createServer as createTcpServer } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { codeOf, describeError } from '../../src/model/errors.ts'
import { adviceOn } from '../../src/net/advice.ts'
import { createDialer } from '../../src/net/dial.ts'
import { testAuthority } from '../fakes/certificates.ts'
import { listen } from '../fakes/http.ts'
import { AUTHORITY, failure, net, tlsServer } from './harness.ts'

describe('[connect]', () => {
  test('dials elsewhere; server name, Host and certificate stay', async () => {
    const server = await tlsServer('ghcr.io')
    const { upstream } = net({ connect: new Map([['GHCR.io:443', `127.0.0.1:${server.port}`]]) })
    const answer = await upstream.request({
      origin: 'https://ghcr.io',
      path: '/v2/',
      method: 'GET',
    })
    await answer.body.dump()
    expect(server.seen).toEqual(['ghcr.io ghcr.io full 1.1'])
  })

  test('does not stand in for the name on the certificate', async () => {
    const server = await tlsServer('127.0.0.1', 'evil.example')
    const { upstream } = net({ connect: new Map([['ghcr.io:443', `127.0.0.1:${server.port}`]]) })
    const error = await failure(
      upstream.request({ origin: 'https://ghcr.io', path: '/', method: 'GET' }),
    )
    expect(error).toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
    expect(server.seen).toEqual([])
  })

  test('of an address checks the certificate for that address', async () => {
    const right = await tlsServer('192.0.2.7')
    const wrong = await tlsServer('127.0.0.1')
    const { upstream } = net({
      connect: new Map([
        ['192.0.2.7:443', `127.0.0.1:${right.port}`],
        ['192.0.2.8:443', `127.0.0.1:${wrong.port}`],
      ]),
    })
    const ask = (origin: string) => upstream.request({ origin, path: '/', method: 'GET' })
    await (await ask('https://192.0.2.7')).body.dump()
    expect(right.seen).toEqual(['false 192.0.2.7 full 1.1'])
    expect(await failure(ask('https://192.0.2.8'))).toMatchObject({
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    })
  })

  test('opens the guarded door too: it is the operator who says so', async () => {
    const server = await tlsServer('auth.docker.io')
    const { realm } = net({
      connect: new Map([['auth.docker.io:443', `127.0.0.1:${server.port}`]]),
    })
    const answer = await realm({ allowPrivate: false }).request({
      origin: 'https://auth.docker.io',
      path: '/token',
      method: 'GET',
    })
    await answer.body.dump()
    expect(answer.statusCode).toBe(200)
  })

  test.each(['ghcr.io', ':443', 'ghcr.io:0', 'ghcr.io:65536', '::1:443', 'a b'])(
    'refuses %j as a place to go',
    (to) => {
      expect(() => createDialer({ ca: [], connect: new Map([['a:1', to]]) })).toThrow(
        `[connect] cannot send anything to ${to}`,
      )
    },
  )
})

describe('trust', () => {
  test('the operator is believed, and nobody else', async () => {
    const server = await tlsServer('127.0.0.1')
    const ask = (ca: readonly string[]) =>
      net({ ca }).upstream.request({
        origin: `https://127.0.0.1:${server.port}`,
        path: '/',
        method: 'GET',
      })
    await (await ask([AUTHORITY.ca])).body.dump()
    const unknown = await failure(ask([]))
    expect(unknown).toMatchObject({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
    expect(adviceOn(unknown)).toBe('if you trust its authority, add that to [tls] ca')
    expect(await failure(ask([testAuthority('another').ca]))).toMatchObject({
      code: expect.stringMatching(/^(UNABLE_TO_VERIFY|CERT_SIGNATURE|SELF_SIGNED)/),
    })
    expect(server.seen.length).toBe(1)
  })

  test('the environment has no say', async () => {
    const server = await tlsServer('127.0.0.1')
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [
        '--no-warnings',
        fileURLToPath(new URL('./ask-once.ts', import.meta.url)),
        `https://127.0.0.1:${server.port}`,
      ],
      {
        env: {
          NODE_EXTRA_CA_CERTS: AUTHORITY.caFile,
          SSL_CERT_FILE: AUTHORITY.caFile,
          NODE_USE_SYSTEM_CA: '1',
          NODE_TLS_REJECT_UNAUTHORIZED: '0',
          NODE_USE_ENV_PROXY: '1',
          HTTPS_PROXY: `http://127.0.0.1:${server.port}`,
        },
      },
    )
    expect(JSON.parse(stdout)).toEqual({
      undici: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      agent: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    })
    expect(server.seen).toEqual([])
  })

  test.each([
    ['no PEM', 'hello', 'a file of [tls] ca holds no PEM certificate'],
    [
      'broken PEM',
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
      'a file of [tls] ca holds a damaged certificate',
    ],
  ])('%s is told', async (_, ca, message) => {
    const { upstream } = net({ ca: [ca] })
    const error = await failure(
      upstream.request({ origin: 'https://127.0.0.1:1', path: '/', method: 'GET' }),
    )
    expect([codeOf(error), error instanceof Error && error.message]).toEqual([
      'config-invalid',
      message,
    ])
  })
})

describe('connections', () => {
  test('are kept, and a TLS session is used again for the next', async () => {
    const server = await tlsServer('localhost')
    const { upstream } = net({ connect: new Map([['localhost:443', `127.0.0.1:${server.port}`]]) })
    const ask = async (reset: boolean) => {
      const options = { origin: 'https://localhost', path: '/', method: 'GET', reset } as const
      await (await upstream.request(options)).body.text()
      // The connection is free again once undici has had its turn.
      await setImmediate()
    }
    await ask(false)
    await ask(true)
    expect(server.connections()).toBe(1)
    await ask(false)
    expect(server.connections()).toBe(2)
    expect(server.seen.map((each) => each.split(' ')[2])).toEqual(['full', 'full', 'resumed'])
  })

  test('run 64 wide to one origin', async () => {
    const server = await tlsServer('localhost')
    const { upstream } = net({ connect: new Map([['localhost:443', `127.0.0.1:${server.port}`]]) })
    const answers = await Promise.all(
      Array.from({ length: 64 }, () =>
        upstream.request({ origin: 'https://localhost', path: '/', method: 'GET' }),
      ),
    )
    await Promise.all(answers.map(({ body }) => body.dump()))
    expect(server.connections()).toBe(64)
  })

  test('of the https agent follow the same rules', async () => {
    const server = await tlsServer('api.ecr.example')
    const { httpsAgent } = net({
      connect: new Map([['api.ecr.example:443', `127.0.0.1:${server.port}`]]),
    })
    const status = await new Promise((resolve, reject) => {
      httpsRequest('https://api.ecr.example/', { agent: httpsAgent }, (res) => {
        res.resume().once('end', () => resolve(res.statusCode))
      })
        .once('error', reject)
        .end()
    })
    expect(status).toBe(200)
    expect(server.seen).toEqual(['api.ecr.example api.ecr.example full 1.1'])
  })

  test('a server without TLS is a network error', async () => {
    const server = createTcpServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    const port = await listen(server as never)
    onTestFinished(() => void server.close())
    const error = await failure(
      net().upstream.request({ origin: `https://127.0.0.1:${port}`, path: '/', method: 'GET' }),
    )
    expect(describeError(error)).toMatch(/^ERR_SSL|EPROTO|write EPROTO/)
  })
})
