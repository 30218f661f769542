import { describe, expect, onTestFinished, test } from 'vitest'
import { codeOf, describeError, hintOf } from '../../src/model/errors.ts'
import { parseHost } from '../../src/model/host.ts'
import { type Login, staticLogin } from '../../src/model/login.ts'
import { createDialer } from '../../src/net/dial.ts'
import { createNet } from '../../src/net/undici.ts'
import { fetchToken, type TokenQuestion } from '../../src/token/exchange.ts'
import { testAuthority } from '../fakes/certificates.ts'
import { sendJson } from '../fakes/http.ts'
import {
  endlessBody,
  type Misbehaviour,
  startTokenServer,
  type TokenServerOptions,
} from '../fakes/token-server.ts'

const PASSWORD = 'c4n4ry pässword'
const LOGIN = staticLogin('joe', PASSWORD)
const USER = { username: 'joe', password: PASSWORD }
const SCOPES = ['repository:acme/app:pull', 'repository:acme/base:pull']

interface Options {
  readonly server?: TokenServerOptions
  readonly misbehave?: Misbehaviour
  readonly question?: Partial<TokenQuestion>
  readonly query?: string
}

async function setUp({ server = {}, misbehave, question, query = '' }: Options = {}) {
  const service = await startTokenServer({ user: USER, ...server })
  service.misbehave(misbehave)
  const net = createNet(createDialer({ ca: [testAuthority().ca], connect: new Map() }))
  onTestFinished(async () => {
    await net.close()
    await service.close()
  })
  const asking: TokenQuestion = {
    upstream: { host: parseHost('reg.example'), tls: true, realms: [] },
    realm: { url: new URL(service.realm + query), allowPrivate: true, isKnown: true },
    service: 'reg',
    scopes: SCOPES,
    login: LOGIN,
    ...question,
  }
  const signal = AbortSignal.timeout(20_000)
  return { service, fetch: () => fetchToken(asking, { net, signal }) }
}

async function failure(options: Options) {
  const { fetch, service } = await setUp(options)
  const error = await fetch().then(
    () => undefined,
    (error: unknown) => error,
  )
  const text = describeError(error).replaceAll(`127.0.0.1:${service.port}`, 'REALM')
  return { text, code: codeOf(error), hint: hintOf(error), asked: service.asked }
}

/** Answers 200 with a text. */
const answer =
  (text: string): Misbehaviour =>
  (_, res) =>
    void res.end(text)

describe('asks', () => {
  test('with a password by GET', async () => {
    const { fetch, service } = await setUp()
    const token = await fetch()
    expect(token.secret.reveal()).toBe(service.given[0])
    expect(service.asked).toHaveLength(1)
    expect(service.asked[0]).toMatchObject({ method: 'GET', path: '/token' })
    expect([...(service.asked[0]?.params ?? [])]).toEqual([
      ['service', 'reg'],
      ['scope', 'repository:acme/app:pull'],
      ['scope', 'repository:acme/base:pull'],
      ['client_id', 'purser'],
      ['account', 'joe'],
    ])
    expect(service.asked[0]?.authorization).toBe(
      `Basic ${Buffer.from(`joe:${PASSWORD}`).toString('base64')}`,
    )
  })

  test('as nobody without Authorization and account', async () => {
    const { fetch, service } = await setUp({ question: { login: undefined } })
    await fetch()
    expect(service.asked[0]?.authorization).toBeUndefined()
    expect(service.asked[0]?.params.has('account')).toBe(false)
  })

  test('with an identity token by POST', async () => {
    const { fetch, service } = await setUp({
      server: { refreshToken: 'r+f/=&r' },
      question: { login: staticLogin('<token>', 'r+f/=&r') },
    })
    await fetch()
    expect(service.asked[0]).toMatchObject({ method: 'POST', authorization: undefined })
    expect([...(service.asked[0]?.params ?? [])]).toEqual([
      ['grant_type', 'refresh_token'],
      ['client_id', 'purser'],
      ['refresh_token', 'r+f/=&r'],
      ['service', 'reg'],
      ['scope', 'repository:acme/app:pull repository:acme/base:pull'],
    ])
  })

  test.each([404, 405])('with a password by POST where GET is answered %i', async (status) => {
    const { fetch, service } = await setUp({
      misbehave: (req, res) =>
        req.method === 'GET'
          ? void res.writeHead(status).end()
          : sendJson(res, 200, { access_token: 'posted' }),
    })
    expect((await fetch()).secret.reveal()).toBe('posted')
    expect(service.asked.map(({ method }) => method)).toEqual(['GET', 'POST'])
    expect(service.asked[1]?.authorization).toBeUndefined()
    expect([...(service.asked[1]?.params ?? [])]).toEqual([
      ['grant_type', 'password'],
      ['client_id', 'purser'],
      ['username', 'joe'],
      ['password', PASSWORD],
      ['service', 'reg'],
      ['scope', 'repository:acme/app:pull repository:acme/base:pull'],
    ])
  })

  // Azure, Artifactory, GCR and Harbor, each in its way.
  test.each([400, 401, 404, 405])(
    'with an identity token by GET where POST is answered %i',
    async (status) => {
      const { fetch, service } = await setUp({
        question: { login: staticLogin('<token>', 'refresh') },
        misbehave: (req, res) =>
          req.method === 'POST'
            ? void res.writeHead(status).end()
            : sendJson(res, 200, { token: 'got' }),
      })
      expect((await fetch()).secret.reveal()).toBe('got')
      expect(service.asked[1]?.authorization).toBe(
        `Basic ${Buffer.from(':refresh').toString('base64')}`,
      )
    },
  )

  test.each<[string, number, Partial<TokenQuestion>]>([
    ['of a password', 401, {}],
    ['of a password', 403, {}],
    ['of an identity token', 403, { login: staticLogin('<token>', 'x') }],
    ['of nobody', 404, { login: undefined }],
  ])('once, where the answer %s is %i', async (_, status, question) => {
    const misbehave: Misbehaviour = (_, res) => void res.writeHead(status).end()
    const { asked, text } = await failure({ misbehave, question })
    expect(asked).toHaveLength(1)
    expect(text).toMatch(new RegExp(`status ${status}$`))
  })

  test('and tells what the first way was answered', async () => {
    const { asked, text } = await failure({
      misbehave: (req, res) => void res.writeHead(req.method === 'GET' ? 404 : 500).end(),
    })
    expect(asked).toHaveLength(2)
    expect(text).toMatch(/status 404$/)
  })

  test('without service and scopes, as NGC and Artifactory challenge', async () => {
    const { fetch, service } = await setUp({ question: { service: undefined, scopes: [] } })
    await fetch()
    expect([...(service.asked[0]?.params.keys() ?? [])]).toEqual(['client_id', 'account'])
  })

  test("keeps the realm's own query", async () => {
    const { fetch, service } = await setUp({ query: '?service=old&scope=group&x=1' })
    await fetch()
    const params = service.asked[0]?.params
    expect(params?.getAll('service')).toEqual(['reg'])
    expect(params?.getAll('scope')).toEqual(['group', ...SCOPES])
    expect(params?.get('x')).toBe('1')
  })

  test('over https with a certificate of the operator', async () => {
    const { fetch, service } = await setUp({
      server: { certificate: testAuthority().certificateFor('127.0.0.1') },
    })
    expect((await fetch()).secret.reveal()).toBe(service.given[0])
  })
})

describe('a token lives', () => {
  test.each<[string, Readonly<Record<string, unknown>>, number]>([
    ['as long as it says', { expires_in: 300 }, 300],
    ['a minute if it does not say', { expires_in: undefined }, 60],
    ['a minute if it says null', { expires_in: null }, 60],
    ['a minute if it says words', { expires_in: '300' }, 60],
    ['a minute at least', { expires_in: 5 }, 60],
    ['a minute for 0', { expires_in: 0 }, 60],
    ['a minute for less', { expires_in: -1 }, 60],
    ['a day at most', { expires_in: 1e12 }, 86_400],
    ['from now on, if it was issued long ago', { issued_at: '1970-01-01T00:00:00Z' }, 300],
    ['from now on, if it will be issued', { issued_at: '2999-01-01T00:00:00Z' }, 300],
    ['from now on, if it was issued in words', { issued_at: 'yesterday' }, 300],
  ])('%s', async (_, fields, seconds) => {
    const { fetch } = await setUp({ server: { fields } })
    expect((await fetch()).lifeMs).toBe(seconds * 1000)
  })
})

describe('takes', () => {
  test.each([
    ['token', '{"token":"t"}', 't'],
    ['access_token', '{"access_token":"a"}', 'a'],
    ['token before access_token', '{"access_token":"a","token":"t"}', 't'],
    ['access_token, if token is empty', '{"access_token":"a","token":""}', 'a'],
    ['64 KiB', `{"token":"${'a'.repeat(65_536)}"}`, 'a'.repeat(65_536)],
    ['an opaque one', '{"token":"!#$%&\'()*+,-./:;<=>?@"}', "!#$%&'()*+,-./:;<=>?@"],
  ])('%s', async (_, text, expected) => {
    const { fetch } = await setUp({ misbehave: answer(text) })
    expect((await fetch()).secret.reveal()).toBe(expected)
  })
})

describe('refuses', () => {
  test.each([
    ['no token', '{}'],
    ['null', 'null'],
    ['a list', '[{"token":"t"}]'],
    ['a text', '"t"'],
    ['a number', '{"token":1}'],
    ['an object', '{"token":{"token":"t"}}'],
    ['an empty one', '{"token":""}'],
    ['CR and LF', '{"token":"t\\r\\nX-Evil: 1"}'],
    ['a space', '{"token":"a b"}'],
    ['NUL', '{"token":"a\\u0000"}'],
    ['a letter that no header takes', '{"token":"ä"}'],
    ['more than 64 KiB', `{"token":"${'a'.repeat(65_537)}"}`],
    ['a prototype', '{"__proto__":{"token":"t"}}'],
  ])('%s', async (_, text) => {
    expect(await failure({ misbehave: answer(text) })).toMatchObject({
      code: 'upstream-refused',
      text: 'REALM answered without a "token" or "access_token" that fits a header',
    })
  })

  const request =
    'GET "http://REALM/token?service=reg&scope=repository:acme/app:pull&scope=repository:acme/base:pull"'

  test.each<[string, Misbehaviour, string]>([
    ['no JSON', answer('<html>'), 'not a JSON document'],
    ['no end', endlessBody({ bytes: 0 }), 'an answer of more than 128 KiB'],
    [
      'a redirect',
      (_, res) => void res.writeHead(302, { Location: 'http://127.0.0.1:9/' }).end(),
      'status 302: redirects are not followed',
    ],
    ['401', (_, res) => sendJson(res, 401, { details: PASSWORD }), 'status 401'],
    ['403', (_, res) => sendJson(res, 403, {}), 'status 403'],
    ['500', (_, res) => sendJson(res, 500, {}), 'status 500'],
  ])('%s', async (_, misbehave, why) => {
    expect(await failure({ misbehave })).toMatchObject({
      code: 'upstream-refused',
      text: `no token for reg.example for user "joe": ${request}: ${why}`,
      hint: 'see whether the credential is still good: purser explain reg.example',
    })
  })

  test('nobody, if the service does', async () => {
    const question = { login: undefined }
    expect(await failure({ server: { anonymous: false }, question })).toMatchObject({
      code: 'upstream-refused',
      text: `no token for reg.example without a login: ${request}: status 401`,
      hint: 'log in: purser login reg.example',
    })
  })

  test.each<[string, Login]>([
    ['a wrong password', staticLogin('joe', 'wrong')],
    ['a wrong identity token', staticLogin('<token>', 'wrong')],
  ])('%s', async (_, login) => {
    const { code, text } = await failure({ question: { login } })
    expect(code).toBe('upstream-refused')
    expect(text).toMatch(/status 401$/)
    expect(text).not.toContain('wrong')
  })

  test('a user name with a colon, unasked', async () => {
    expect(await failure({ question: { login: staticLogin('a:b', 'c') } })).toMatchObject({
      code: 'credential-unsupported',
      text: 'the user name for reg.example has a colon, which a registry cannot be told',
      asked: [],
    })
  })

  test('an address that is not public, unasked', async () => {
    const realm = { url: new URL('https://127.0.0.1:9/token'), allowPrivate: false, isKnown: true }
    expect(await failure({ question: { realm } })).toMatchObject({
      code: 'policy',
      text: 'refused to connect to 127.0.0.1: not a public address',
      asked: [],
    })
  })
})
