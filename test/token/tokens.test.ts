import { describe, expect, test } from 'vitest'
import { codeOf, describeError, hintOf } from '../../src/model/errors.ts'
import { parseHost } from '../../src/model/host.ts'
import { type Login, staticLogin } from '../../src/model/login.ts'
import { failure, PULL, PUSH, START, setUp } from './harness.ts'

describe('a registry wants', () => {
  test('nothing', async () => {
    const { header, probes } = await setUp({ status: 200, challenges: [] })
    expect(await header()).toBeUndefined()
    expect(probes).toEqual(['GET /v2/ undefined'])
  })

  test('a password', async () => {
    const { header, probes } = await setUp({ challenges: ['Basic realm="x"'] })
    expect(await header()).toBe(`Basic ${Buffer.from('joe:pass').toString('base64')}`)
    expect(await header({ login: undefined })).toBeUndefined()
    expect(probes).toHaveLength(1)
  })

  test('a password, and there is an identity token', async () => {
    const { ask, port } = await setUp({ challenges: ['Basic realm="x"'] })
    const error = await failure(ask({ login: staticLogin('<token>', 'r') }))
    expect([codeOf(error), describeError(error)]).toEqual([
      'credential-unsupported',
      `127.0.0.1:${port} takes a password, and the credential is an identity token`,
    ])
  })

  test('a token, of which the scope in its first challenge is no part', async () => {
    const { header, tokenServer } = await setUp()
    expect(await header()).toBe(`Bearer ${tokenServer.given[0]}`)
    expect(tokenServer.asked[0]?.params.getAll('scope')).toEqual(PULL)
    expect(tokenServer.asked[0]?.params.get('service')).toBe('reg')
  })

  test.each([
    ['in one header', ['Basic realm="x", Bearer realm="REALM"']],
    ['in two', ['Basic realm="x"', 'Bearer realm="REALM"']],
  ])('either, %s: a token is taken', async (_, challenges) => {
    const { header } = await setUp({ challenges })
    expect(await header()).toMatch(/^Bearer /)
  })

  test('a token from where its credentials may not go', async () => {
    const { ask, tokenServer } = await setUp({
      challenges: [`Bearer realm="https://evil.example/token"`],
    })
    const error = await failure(ask())
    expect(codeOf(error)).toBe('policy')
    expect(describeError(error)).toContain('"https://evil.example/token"')
    expect(tokenServer.asked).toEqual([])
  })

  test.each([
    ['no challenge', 401, []],
    ['an unknown scheme', 401, ['Negotiate']],
    ['Bearer without realm', 401, ['Bearer service="x"']],
    ['403', 403, []],
    ['404', 404, []],
    ['a redirect', 302, []],
    ['500', 500, []],
  ])('nobody knows what: %s', async (_, status, challenges) => {
    const { ask, port, probes } = await setUp({ status, challenges })
    const error = await failure(ask())
    expect([codeOf(error), describeError(error)]).toEqual([
      'upstream-refused',
      `GET "http://127.0.0.1:${port}/v2/": status ${status}`,
    ])
    await failure(ask())
    expect(probes).toHaveLength(2)
  })

  test('nothing that can be asked: no one listens', async () => {
    const { ask } = await setUp()
    const upstream = { host: parseHost('127.0.0.1:9'), tls: false, realms: [] }
    const error = await failure(ask({ upstream }))
    expect(codeOf(error)).toBe('network')
    expect(describeError(error)).toMatch(/^GET "http:\/\/127\.0\.0\.1:9\/v2\/": .*ECONNREFUSED/)
  })
})

test('a registry that speaks plain http: what to configure', async () => {
  const { ask, port } = await setUp()
  const upstream = { host: parseHost(`127.0.0.1:${port}`), tls: true, realms: [] }
  const error = await failure(ask({ upstream }))
  expect(describeError(error)).toMatch(/^GET "https:\/\/127\.0\.0\.1:\d+\/v2\/": ERR_SSL_/)
  expect(hintOf(error)).toBe('if it speaks plain http, configure it with tls = false')
})

describe('is asked once', () => {
  test('by many at the same time', async () => {
    const { header, probes, tokenServer } = await setUp()
    const headers = await Promise.all(Array.from({ length: 50 }, () => header()))
    expect(new Set(headers).size).toBe(1)
    expect(probes).toHaveLength(1)
    expect(tokenServer.asked).toHaveLength(1)
  })

  test('for scopes in any order', async () => {
    const { header, tokenServer } = await setUp()
    const other = 'repository:acme/base:pull'
    await header({ scopes: ['repository:acme/app:push,pull', other] })
    await header({ scopes: [other, ...PUSH] })
    expect(tokenServer.asked).toHaveLength(1)
  })

  test.each<[string, { login?: Login | undefined; scopes?: readonly string[] }]>([
    ['other scopes', { scopes: PUSH }],
    ['another repository', { scopes: ['repository:acme/other:pull'] }],
    ['nobody', { login: undefined }],
  ])('but not for %s', async (_, more) => {
    const { header, tokenServer } = await setUp()
    const first = await header()
    expect(await header(more)).not.toBe(first)
    expect(tokenServer.asked).toHaveLength(2)
  })

  test('but not for another password of the same user', async () => {
    const { header, ask, tokenServer } = await setUp()
    await header()
    const error = await failure(ask({ login: staticLogin('joe', 'other') }))
    expect(codeOf(error)).toBe('upstream-refused')
    expect(tokenServer.asked).toHaveLength(2)
  })

  test('but not after a failure', async () => {
    const { ask, header, tokenServer } = await setUp()
    tokenServer.misbehave((_, res) => res.writeHead(503).end())
    expect(codeOf(await failure(ask()))).toBe('upstream-refused')
    tokenServer.misbehave(undefined)
    expect(await header()).toBe(`Bearer ${tokenServer.given[0]}`)
  })

  test('for its scheme in an hour', async () => {
    const { header, probes, clock } = await setUp()
    await header()
    clock.now += 60 * 60_000 - 1
    await header()
    expect(probes).toHaveLength(1)
    clock.now += 1
    await header()
    expect(probes).toHaveLength(2)
  })
})

describe('a token is served', () => {
  test.each([
    ['60 s', 60, 50],
    ['5 min', 300, 270],
    ['an hour', 3_600, 3_540],
  ])('of %s, until its margin', async (_, life, until) => {
    const { header, clock, tokenServer } = await setUp({
      service: { fields: { expires_in: life } },
    })
    const first = await header()
    clock.now = START + until * 1000 - 1
    expect(await header()).toBe(first)
    clock.now = START + until * 1000
    expect(await header()).toBe(`Bearer ${tokenServer.given[1]}`)
  })

  test.each([
    ['an hour back', -3_600_000],
    ['an hour ahead', 3_600_000],
    ['a minute back', -60_000],
  ])('not after the clock was set %s', async (_, set) => {
    const { header, clock, tokenServer } = await setUp()
    await header()
    clock.set = set
    const renewed = await header()
    expect(tokenServer.asked).toHaveLength(2)
    // By the new time it is as good as any.
    clock.now += 269_999
    expect(await header()).toBe(renewed)
  })

  test('from when it was asked for, however long the service took', async () => {
    const { header, clock, tokenServer } = await setUp({ service: { fields: { expires_in: 60 } } })
    await header({ scopes: [] })
    tokenServer.misbehave((_, res) => {
      clock.now += 45_000
      res.end('{"token":"slow"}')
    })
    await header()
    clock.now += 5_000
    await header()
    expect(tokenServer.asked).toHaveLength(3)
  })

  test.each([
    ['60 s', 60, 30],
    ['5 min', 300, 150],
    ['12 h', 43_200, 21_600],
  ])('of %s, to what may take hours, for half of that', async (_, life, until) => {
    const { header, clock, tokenServer } = await setUp({
      service: { fields: { expires_in: life } },
    })
    const first = await header()
    clock.now = START + until * 1000 - 1
    expect(await header({ lasting: true })).toBe(first)
    clock.now = START + until * 1000
    expect(await header()).toBe(first)
    const second = await header({ lasting: true })
    expect(second).toBe(`Bearer ${tokenServer.given[1]}`)
    expect(await header()).toBe(second)
  })
})

describe('what may take hours', () => {
  const busy = [429, 500, 503]

  test.each(busy)('goes with what there is while its service says %i', async (status) => {
    const { header, clock, tokenServer } = await setUp()
    const first = await header()
    clock.now += 200_000
    tokenServer.misbehave((_, res) => void res.writeHead(status).end())
    expect(await header({ lasting: true })).toBe(first)
    // But not for longer than it is good.
    clock.now += 80_000
    expect(codeOf(await failure(header({ lasting: true })))).toBe('upstream-refused')
  })

  test('does not once the login is refused', async () => {
    const { header, clock, tokenServer } = await setUp()
    await header()
    clock.now += 200_000
    tokenServer.misbehave((_, res) => void res.writeHead(401).end())
    expect(codeOf(await failure(header({ lasting: true })))).toBe('upstream-refused')
  })
})

test('tells of each token that was needed', async () => {
  const { header, seen, tokenServer } = await setUp()
  await Promise.all([header(), header()])
  await header()
  expect(seen).toEqual(['fetched', 'hit'])
  tokenServer.misbehave((_, res) => void res.writeHead(500).end())
  await failure(header({ scopes: PUSH }))
  expect(seen).toEqual(['fetched', 'hit', 'failed'])
})

describe('one who gives up', () => {
  test('does not stop the others', async () => {
    const { ask, header, tokenServer } = await setUp()
    await header({ scopes: [] })
    const abort = new AbortController()
    tokenServer.misbehave((_, res) => {
      abort.abort(new Error('enough'))
      res.end('{"token":"late"}')
    })
    const [gone, stayed] = await Promise.all([failure(ask({ signal: abort.signal })), header()])
    expect(gone).toEqual(new Error('enough'))
    expect(stayed).toBe('Bearer late')
    expect(tokenServer.asked).toHaveLength(2)
  })

  test('ends it, if he was the last', async () => {
    const { ask, header, tokenServer } = await setUp()
    await header({ scopes: [] })
    const abort = new AbortController()
    const hungUp = new Promise((resolve) => {
      tokenServer.misbehave((_, res) => {
        res.once('close', resolve)
        abort.abort(new Error('enough'))
      })
    })
    expect(await failure(ask({ signal: abort.signal }))).toEqual(new Error('enough'))
    await hungUp
  })

  test('before he began asks nobody', async () => {
    const { ask, probes } = await setUp()
    const error = await failure(ask({ signal: AbortSignal.abort(new Error('enough')) }))
    expect(error).toEqual(new Error('enough'))
    expect(probes).toEqual([])
  })
})
