import { inspect } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { describeError, hintOf } from '../../../src/model/errors.ts'
import { parseHost } from '../../../src/model/host.ts'
import { Secret } from '../../../src/model/secret.ts'
import { createDialer } from '../../../src/net/dial.ts'
import { createHttpsAgent } from '../../../src/net/https-agent.ts'
import { createEcr } from '../../../src/registries/ecr/ecr.ts'
import type { EcrAnswer } from '../../fakes/ecr.ts'
import { endlessBody } from '../../fakes/token-server.ts'
import { targetOf } from '../harness.ts'
import {
  API,
  EXPIRES,
  failureOf,
  HOST,
  KEYS,
  SECRET,
  SESSION,
  SESSION_KEYS,
  SIGNER,
  setUp,
} from './amazon.ts'

/** The key's last four letters, and no more of it. */
const WHAT = `asking Amazon for a token for ${HOST} with key …MPLE`

describe('what Amazon refuses', () => {
  test.each([
    ['UnrecognizedClientException', 'log in with one that is'],
    ['InvalidSignatureException', 'log in with one that is'],
    ['MissingAuthenticationTokenException', 'log in with one that is'],
    ['ExpiredTokenException', 'log in with the keys of a new one'],
    ['AccessDeniedException', 'allow the identity ecr:GetAuthorizationToken'],
    ['OptInRequired', 'has not opted in to the region'],
    ['RequestExpired', 'set the clock of this machine'],
    ['InvalidParameterException', 'see the AWS documentation'],
    ['ServerException', 'see the AWS documentation'],
  ])('is told in one line: %s', async (name, hint) => {
    const { api, exchange } = await setUp({ always: { error: name } })
    const error = await failureOf(exchange())
    const code = name === 'ExpiredTokenException' ? 'credential-expired' : 'exchange-failed'
    expect(error).toMatchObject({ code })
    expect(describeError(error)).toBe(`${WHAT}: ${name}, status 400`)
    expect(hintOf(error)).toContain(hint)
    expect(api.calls).toHaveLength(1)
  })

  test('a key that is none of the account', async () => {
    const { exchange } = await setUp()
    const error = await failureOf(exchange({ ...KEYS, accessKeyId: 'AKIAEXAMPLEEXAMPLE00' }))
    expect(describeError(error)).toContain('UnrecognizedClientException')
  })

  test.each([SECRET, 'AKIA', `AKIA${SESSION}`, 'akiaiosfodnn7example'])(
    'a key that looks like none, of which nothing is shown: %s',
    async (accessKeyId) => {
      const { exchange } = await setUp()
      const error = await failureOf(exchange({ ...KEYS, accessKeyId }))
      expect(describeError(error)).toContain(`for ${HOST} with a key: `)
    },
  )

  test("a secret that is not the key's", async () => {
    const { api, exchange } = await setUp()
    const error = await failureOf(exchange({ ...KEYS, secretAccessKey: new Secret('wrong') }))
    expect(describeError(error)).toContain('InvalidSignatureException')
    expect(api.calls).toHaveLength(1)
  })

  test('is asked again when Amazon is busy, and then answered', async () => {
    const busy = { error: 'ThrottlingException' }
    const { api, exchange } = await setUp({
      answers: [busy, { error: 'ServerException', status: 500 }],
    })
    expect((await exchange())?.secret.reveal()).toBe(api.password)
    expect(api.calls).toHaveLength(3)
  })

  test('six times if Amazon stays busy, and then not again at once', async () => {
    const { api, exchange } = await setUp({ always: { error: 'ThrottlingException' } })
    const error = await failureOf(exchange())
    expect(error).toMatchObject({ code: 'exchange-failed', status: 429 })
    expect(describeError(error)).toBe(`${WHAT}: ThrottlingException, status 400`)
    expect(api.calls).toHaveLength(6)
    const next = await failureOf(exchange())
    expect(describeError(next)).toBe(`${WHAT}: Amazon has refused it for haste`)
    expect(hintOf(next)).toMatch(/^it is asked again in [0-9]+ s$/)
    expect(api.calls).toHaveLength(6)
  })

  test.each<[string, EcrAnswer, string]>([
    ['a server error', { error: 'ServerException', status: 500 }, 'ServerException, status 500'],
    ['no JSON', { body: '<html>', status: 503 }, 'status 503'],
  ])('is asked three times and no more: %s', async (_name, always, message) => {
    const { api, exchange } = await setUp({ always })
    const error = await failureOf(exchange())
    expect(error).toMatchObject({ code: 'exchange-failed' })
    expect(describeError(error)).toContain(message)
    expect(api.calls).toHaveLength(3)
  })
})

describe('an answer that is no login', () => {
  const token = (text: string) => Buffer.from(text).toString('base64')
  const expiresAt = EXPIRES.getTime() / 1000

  test.each<[string, EcrAnswer, string]>([
    ['an empty object', { body: '{}' }, 'authorizationData'],
    ['no authorization', { data: [] }, 'authorizationData'],
    ['no token', { data: [{ expiresAt }] }, 'authorizationToken'],
    ['no expiry', { data: [{ authorizationToken: token('AWS:p') }] }, 'expiresAt'],
    ['no base64', { data: [{ authorizationToken: '%%%', expiresAt }] }, 'authorizationToken'],
    ['no password', { data: [{ authorizationToken: token('AWS:'), expiresAt }] }, 'user:password'],
    ['no user', { data: [{ authorizationToken: token(':p'), expiresAt }] }, 'user:password'],
    ['no colon', { data: [{ authorizationToken: token('AWSp'), expiresAt }] }, 'user:password'],
    [
      'a header inside',
      { data: [{ authorizationToken: token('AWS:p\r\nx: y'), expiresAt }] },
      'user:password',
    ],
    [
      'a token for no header',
      { data: [{ authorizationToken: token(`AWS:${'x'.repeat(20_000)}`), expiresAt }] },
      'authorizationToken',
    ],
    [
      'an expiry that is no time',
      { data: [{ authorizationToken: token('AWS:p'), expiresAt: 'x' }] },
      '',
    ],
    ['no JSON', { body: 'wJalrXUtnFEMI' }, ''],
    ['nothing', { body: '' }, 'authorizationData'],
  ])('is a fault: %s', async (_name, always, named) => {
    const { exchange } = await setUp({ always })
    const error = await failureOf(exchange())
    expect(error).toMatchObject({ code: 'exchange-failed' })
    expect(describeError(error)).toContain(named)
    expect(describeError(error)).not.toContain('wJalrXUtnFEMI')
  })
})

test('an answer without end is not read to its end', async () => {
  const sent = { bytes: 0 }
  const { api, exchange } = await setUp({ always: endlessBody(sent) })
  expect(await failureOf(exchange())).toMatchObject({ code: 'exchange-failed' })
  expect(api.calls).toHaveLength(1)
  expect(sent.bytes).toBeLessThan(64 * 1024 * 1024)
})

describe('no answer', () => {
  test('is told after a while', async () => {
    const { api, exchange } = await setUp({ always: 'no answer' }, 300)
    const error = await failureOf(exchange())
    expect(error).toMatchObject({
      code: 'network',
      message: `${WHAT}: no answer within 0.3 s`,
    })
    expect(api.calls).toHaveLength(1)
  })

  test('is told even if it began', async () => {
    const { exchange } = await setUp({ always: 'half an answer' }, 300)
    expect(await failureOf(exchange())).toMatchObject({
      code: 'network',
      message: expect.stringContaining('no answer within'),
    })
  })

  test('is told when Amazon hangs up, three times', async () => {
    const { api, exchange } = await setUp({ always: 'hang up' })
    const error = await failureOf(exchange())
    expect(error).toMatchObject({ code: 'network' })
    expect(describeError(error)).toBe(`${WHAT}: ECONNRESET`)
    expect(api.calls).toHaveLength(3)
  })

  test('is told when nobody listens', async () => {
    const { api, exchange } = await setUp()
    await api.close()
    const error = await failureOf(exchange())
    expect(describeError(error)).toMatch(/ with key …MPLE: connect ECONNREFUSED/)
  })

  test("is told when the certificate is another's", async () => {
    const { api } = await setUp({ hosts: ['evil.example'] })
    const connect = new Map([[`${API}:443`, api.connect.get('evil.example:443') ?? '']])
    const httpsAgent = createHttpsAgent(createDialer({ ca: [api.ca], connect }))
    onTestFinished(() => httpsAgent.destroy())
    const ecr = createEcr({ httpsAgent: async () => httpsAgent, env: {}, now: Date.now })
    const error = await failureOf(
      ecr.exchange(KEYS, targetOf(parseHost(HOST)), AbortSignal.timeout(20_000)),
    )
    expect(describeError(error)).toContain('ERR_TLS_CERT_ALTNAME_INVALID')
    expect(api.calls).toHaveLength(0)
  })
})

describe('a caller that has gone', () => {
  test('before it was asked asks nobody', async () => {
    const { api, exchange } = await setUp()
    const gone = new Error('gone')
    expect(await failureOf(exchange(KEYS, { signal: AbortSignal.abort(gone) }))).toBe(gone)
    expect(api.calls).toHaveLength(0)
  })

  test('while it was asked is told at once', async () => {
    const { exchange } = await setUp({ always: 'no answer' })
    const signal = AbortSignal.timeout(200)
    expect(await failureOf(exchange(KEYS, { signal }))).toBe(signal.reason)
  })

  test('while Amazon is busy waits no longer', async () => {
    const caller = new AbortController()
    const gone = new Error('gone')
    const { api, exchange } = await setUp({
      always: (_, res) => {
        res.writeHead(500).end('{}', () => caller.abort(gone))
      },
    })
    expect(await failureOf(exchange(KEYS, { signal: caller.signal }))).toBe(gone)
    expect(api.calls.length).toBeLessThan(3)
  })
})

test.each<[string, EcrAnswer | undefined]>([
  ['a refusal', { error: 'AccessDeniedException' }],
  ['no JSON', { body: SECRET }],
  ['a strange error', { error: `${SECRET}\n${SESSION}` }],
  ['a server error', { body: SECRET, status: 500 }],
  ['a token that is none', { data: [{ authorizationToken: SECRET, expiresAt: 1 }] }],
  ['a closed connection', 'hang up'],
  ['half an answer', 'half an answer'],
])('no secret can be reached from the error of %s', async (_name, always) => {
  const { exchange } = await setUp(
    { signer: { ...SIGNER, sessionToken: SESSION }, ...(always && { always }) },
    1000,
  )
  const error = await failureOf(exchange(SESSION_KEYS))
  const seen = inspect(error, { depth: null, showHidden: true, getters: true, breakLength: 200 })
  for (const secret of [SECRET, SESSION, SIGNER.accessKeyId, 'AWS4-HMAC', 'Signature=']) {
    expect(seen).not.toContain(secret)
  }
  expect(describeError(error)).toMatch(/^[ -~…]{1,200}$/)
})
