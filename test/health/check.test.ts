import { createServer, type RequestListener } from 'node:http'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Credential } from '../../src/model/credential.ts'
import { Secret } from '../../src/model/secret.ts'
import { testAuthority } from '../fakes/certificates.ts'
import { type EcrAnswer, startEcr } from '../fakes/ecr.ts'
import { listen, sendJson, stop } from '../fakes/http.ts'
import { startTokenServer, type TokenServerOptions } from '../fakes/token-server.ts'
import { BASIC, BEARER, fakeRegistry, upstreamAt } from '../proxy/harness.ts'
import {
  API,
  EXPIRES,
  HOST,
  KEYS,
  SECRET,
  SESSION,
  SESSION_KEYS,
  SIGNER,
} from '../registries/ecr/amazon.ts'
import { basic, entryFor, never, openChecker } from './harness.ts'

const GOOD = basic('ann', 'correct-horse')
const BAD = basic('ann', 'canary')

describe('a registry that takes passwords', () => {
  test.each([
    ['the right one', GOOD, { state: 'valid', reason: 'HOST took ann', expiresAt: undefined }],
    [
      'a wrong one',
      BAD,
      {
        state: 'refused',
        reason: 'GET "http://HOST/v2/": status 401',
        hint: 'log in anew: purser login HOST',
        status: 401,
      },
    ],
    [
      'an identity token',
      { kind: 'identity-token', token: new Secret('canary') } as const,
      {
        state: 'refused',
        reason: 'HOST takes a password, and the credential is an identity token',
      },
    ],
  ])('%s', async (_name, credential, expected) => {
    const registry = await fakeRegistry({ auth: BASIC })
    const verdict = await check(registry.host, credential)
    expect(verdict).toMatchObject(withHost(expected, registry.host))
    expect(JSON.stringify(verdict)).not.toContain('canary')
  })

  test.each([
    [403, 'Your authorization token has expired. Reauthenticate and try again.', 'expired'],
    [403, 'no', 'refused'],
    [404, 'no', 'refused'],
    [429, 'slowly', 'unreachable'],
    [500, 'broken', 'unreachable'],
    [503, 'a canary', 'unreachable'],
  ])('that answers %d with %j is %s', async (status, body, state) => {
    const { host } = await serve((req, res) => {
      if (req.headers.authorization !== undefined) return void res.writeHead(status).end(body)
      res.writeHead(401, { 'WWW-Authenticate': 'Basic realm="r"' }).end()
    })
    const verdict = await check(host, GOOD)
    expect(verdict).toMatchObject({ state, status })
    expect(verdict.reason).toMatch(/status \d+$/)
    expect(verdict.reason).not.toContain('canary')
  })
})

describe('a registry with a token service', () => {
  test.each([
    ['the right password', GOOD, { state: 'valid', reason: 'HOST took ann' }],
    [
      'a wrong one',
      BAD,
      {
        state: 'refused',
        reason:
          'no token for HOST for user "ann": GET "http://HOST/token?service=fake": status 401',
        hint: 'log in anew: purser login HOST/acme',
      },
    ],
  ])('%s: asked for no repository', async (_name, credential, expected) => {
    const registry = await fakeRegistry({ auth: BEARER })
    const verdict = await check(registry.host, credential, { prefix: 'acme' })
    expect(verdict).toMatchObject(withHost(expected, registry.host))
    expect(registry.tokens).toEqual([''])
  })

  test('takes an identity token', async () => {
    const { host, asked } = await withService({ refreshToken: 'r' })
    const token: Credential = { kind: 'identity-token', token: new Secret('r') }
    expect(await check(host, token, asked)).toMatchObject({
      state: 'valid',
      reason: `${host} took the identity token`,
    })
  })

  test.each([
    ['is empty', { sub: '' }, 'refused'],
    ["is Quay's", { sub: '(anonymous)' }, 'refused'],
    ['is somebody', { sub: 'ann' }, 'valid'],
    ['is not told', { aud: 'x' }, 'valid'],
  ])('whose token has a subject that %s', async (_name, claims, state) => {
    const token = `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`
    const { host, asked } = await withService({
      user: { username: 'ann', password: 'correct-horse' },
      fields: { token },
    })
    const verdict = await check(host, GOOD, asked)
    expect(verdict.state).toBe(state)
    if (state === 'refused') expect(verdict.reason).toContain('took ann for nobody')
  })

  test('that gives a token to anybody is not believed: the registry is asked', async () => {
    const { host, asked } = await withService({ user: { username: 'ann', password: 'x' } }, 401)
    expect(await check(host, basic('ann', 'x'), asked)).toMatchObject({
      state: 'refused',
      reason: `GET "http://${host}/v2/": status 401`,
    })
  })

  test('that is somewhere else gets no password', async () => {
    const { host, service } = await withService({})
    expect(await check(host, GOOD)).toMatchObject({
      state: 'refused',
      reason: expect.stringContaining('refused to send a credential'),
    })
    expect(service.asked).toEqual([])
  })
})

test('a registry that asks nobody gets nothing', async () => {
  const registry = await fakeRegistry()
  expect(await check(registry.host, GOOD)).toMatchObject({
    state: 'valid',
    reason: `${registry.host} asks nobody to log in, so nothing was tried`,
  })
  expect(registry.asked.map(({ headers }) => headers.authorization)).toEqual([undefined])
})

describe('who does not answer', () => {
  test('because nobody listens', async () => {
    const { host, close } = await serve(() => undefined)
    await close()
    const verdict = await check(host, GOOD)
    expect(verdict.state).toBe('unreachable')
    expect(verdict.reason).toMatch(/^GET "http:.*": connect ECONNREFUSED/)
  })

  test('because it takes too long', async () => {
    const { host } = await serve(() => undefined)
    const verdict = await check(host, GOOD, { timeoutMs: 50 })
    expect(verdict).toMatchObject({
      state: 'unreachable',
      reason: `${host}: no answer within 0.05 s`,
    })
  })

  test('because its certificate is not to be trusted', async () => {
    const registry = await fakeRegistry({ tls: testAuthority().certificateFor('127.0.0.1') })
    expect(await check(registry.host, GOOD, { realms: [], tls: true })).toMatchObject({
      state: 'unreachable',
      hint: 'if you trust its authority, add that to [tls] ca',
    })
  })

  test('is no verdict if nobody wants to know any more', async () => {
    const { host } = await serve(() => undefined)
    const stop = new AbortController()
    const checker = openChecker({ upstreams: [upstreamAt(host)] })
    const checking = checker.check(entryFor(host, GOOD), stop.signal)
    stop.abort(new Error('stopped'))
    await expect(checking).rejects.toThrow('stopped')
  })
})

describe("Amazon's registry", () => {
  test('takes what its cloud gives for the keys: one exchange for all hosts of a region', async () => {
    const { checker, api } = await withAmazon()
    const verdicts = await Promise.all([
      checker.check(entryFor(HOST, KEYS), never),
      checker.check(entryFor(HOST, KEYS, { prefix: 'app' }), never),
    ])
    for (const verdict of verdicts) {
      expect(verdict).toMatchObject({
        state: 'valid',
        reason: `${HOST} took AWS`,
        expiresAt: expect.any(Date),
      })
    }
    expect(api.calls).toHaveLength(1)
  })

  test.each([
    ['UnrecognizedClientException', 'refused', 400],
    ['AccessDeniedException', 'refused', 400],
    ['ExpiredTokenException', 'expired', 400],
  ])('%s is %s', async (error, state, status) => {
    const { checker } = await withAmazon({ always: { error }, sessionToken: SESSION })
    const verdict = await checker.check(entryFor(HOST, SESSION_KEYS), never)
    expect(verdict).toMatchObject({ state, status })
    expect(verdict.reason).toContain(`with key …MPLE: ${error}`)
    expect(JSON.stringify(verdict)).not.toContain(SECRET)
    expect(JSON.stringify(verdict)).not.toContain(SESSION)
  })

  test('is asked 12 times an hour at most, whatever it answers', async () => {
    const clock = { now: Date.now() }
    const { checker, api } = await withAmazon(
      { always: { error: 'AccessDeniedException' } },
      () => clock.now,
    )
    for (let minute = 0; minute < 60; minute++) {
      expect((await checker.check(entryFor(HOST, KEYS), never)).state).toBe('refused')
      clock.now += 60_000
    }
    expect(api.calls).toHaveLength(12)
  })

  test('a password that has ended is not sent', async () => {
    const { checker, registry } = await withAmazon()
    const envelope = { payload: 'x', expiration: Math.floor(Date.now() / 1000) - 60 }
    const password = Buffer.from(JSON.stringify(envelope)).toString('base64')
    const verdict = await checker.check(entryFor(HOST, basic('AWS', password)), never)
    expect(verdict).toMatchObject({
      state: 'expired',
      reason: expect.stringMatching(/ expired at /),
    })
    expect(registry.asked).toEqual([])
  })
})

async function withAmazon(
  {
    sessionToken,
    ...options
  }: { readonly always?: EcrAnswer; readonly sessionToken?: string } = {},
  now: () => number = Date.now,
) {
  const api = await startEcr({
    hosts: [API],
    signer: { ...SIGNER, ...(sessionToken !== undefined && { sessionToken }) },
    expiresAt: EXPIRES,
    ...options,
  })
  onTestFinished(() => api.close())
  const authority = testAuthority()
  const registry = await fakeRegistry({
    auth: { kind: 'basic', username: 'AWS', password: api.password },
    tls: authority.certificateFor(HOST),
  })
  const connect = new Map([...api.connect, [`${HOST}:443`, registry.host]])
  const checker = openChecker({ ca: [api.ca, authority.ca], connect, now })
  return { api, registry, checker }
}

/** A registry that names a token service of another port. */
async function withService(options: TokenServerOptions, status = 200) {
  const service = await startTokenServer(options)
  const { host } = await serve((req, res) => {
    if (req.headers.authorization !== undefined) return sendJson(res, status, {})
    const challenge = `Bearer realm="${service.realm}",service="s"`
    res.writeHead(401, { 'WWW-Authenticate': challenge }).end()
  })
  onTestFinished(() => service.close())
  return { host, service, asked: { realms: [new URL(service.realm).origin] } }
}

async function serve(listener: RequestListener) {
  const server = createServer(listener)
  const port = await listen(server)
  const close = () => stop(server)
  onTestFinished(close)
  return { host: `127.0.0.1:${port}`, close }
}

interface Asked {
  readonly prefix?: string
  readonly timeoutMs?: number
  readonly realms?: readonly string[]
  readonly tls?: boolean
}

function check(
  host: string,
  credential: Credential,
  { prefix = '', timeoutMs = 20_000, realms = [], tls = false }: Asked = {},
) {
  const upstreams = [upstreamAt(host, { realms, tls })]
  return openChecker({ upstreams, timeoutMs }).check(entryFor(host, credential, { prefix }), never)
}

function withHost(expected: object, host: string): object {
  return JSON.parse(JSON.stringify(expected).replaceAll('HOST', host))
}
