import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { Credential } from '../../../src/model/credential.ts'
import { codeOf, describeError, hintOf } from '../../../src/model/errors.ts'
import { tryParseHost } from '../../../src/model/host.ts'
import { Secret } from '../../../src/model/secret.ts'
import { sendJson } from '../../fakes/http.ts'
import type { Misbehaviour } from '../../fakes/token-server.ts'
import vectors from '../../vectors/hosts.json' with { type: 'json' }
import {
  ACR_USER,
  AMBIENT,
  CLIENT,
  failureOf,
  HOST,
  OTHER_CLIENT,
  PRINCIPAL,
  SECRET,
  setUp,
  TENANT,
  workloadIdentity,
} from './azure.ts'

describe('a host that is almost a registry of Azure’s', () => {
  test('is shown no token, and nobody is asked for one', async () => {
    const { exchange, asked } = await setUp()
    const hosts = vectors.lookAlikes["a registry of Azure's, almost"].filter(tryParseHost)
    for (const host of hosts) {
      expect(await failureOf(exchange(PRINCIPAL, { host })), host).toMatchObject({
        code: 'credential-unsupported',
      })
    }
    expect(hosts.length).toBeGreaterThan(30)
    expect(asked()).toEqual([])
  })
})

describe('a refusal', () => {
  const entra = `asking login.microsoftonline.com for a token of service principal "${CLIENT}" in tenant "${TENANT}"`
  const registry = `asking ${HOST} for a login of service principal "${CLIENT}"`
  const acr =
    (status: number, code: string): Misbehaviour =>
    (_, res) =>
      sendJson(res, status, { errors: [{ code, message: `you sent ${SECRET}` }] })

  test.each<[string, Credential, string, RegExp]>([
    [
      'a wrong secret',
      { ...PRINCIPAL, clientSecret: new Secret('c4n4ry-wrong') },
      'AADSTS7000215',
      /^the client secret is wrong/,
    ],
    [
      'no such application',
      { ...PRINCIPAL, clientId: OTHER_CLIENT },
      'AADSTS700016',
      /^the tenant has no such application/,
    ],
    ['no such tenant', { ...PRINCIPAL, tenantId: 'acme.example' }, 'AADSTS90002', /^there is no/],
  ])('of Entra is told by its number: %s', async (_name, credential, number, hint) => {
    const { exchange, asked, pauses } = await setUp()
    const error = await failureOf(exchange(credential))
    expect(codeOf(error)).toBe('exchange-failed')
    expect(describeError(error)).toMatch(new RegExp(`^asking .*: ${number}, status 401$`))
    expect(hintOf(error)).toMatch(hint)
    expect(inspect(error, { depth: null })).not.toMatch(/c4n4ry|Q~/)
    expect(asked()).toEqual(['entra login.microsoftonline.com'])
    expect(pauses).toEqual([])
  })

  test('of a federated identity names it', async () => {
    const { exchange } = await setUp({ env: workloadIdentity('foreign.c4n4ry.token') })
    const error = await failureOf(exchange(AMBIENT))
    expect(describeError(error)).toBe(
      `asking login.microsoftonline.com for a token of federated identity "${CLIENT}" in tenant "${TENANT}": AADSTS700213, status 401`,
    )
    expect(hintOf(error)).toMatch(/^the application trusts no such token/)
  })

  test.each<[string, Misbehaviour, string, RegExp]>([
    ['of no role', acr(401, 'UNAUTHORIZED'), 'UNAUTHORIZED, status 401', /AcrPull/],
    ['of its firewall', acr(403, 'DENIED'), 'DENIED, status 403', /network rules/],
    ['that quotes', acr(401, SECRET), 'status 401', /AcrPull/],
    ['of no name', (_, res) => void res.writeHead(404).end(), 'status 404', /of this name/],
    [
      'of another place',
      (_, res) => void res.writeHead(307, { location: 'https://evil.example/' }).end(),
      'status 307',
      /proxy/,
    ],
    ['of no token', (_, res) => sendJson(res, 200, {}), 'an answer without a token', /proxy/],
    [
      'with a token that no header takes',
      (_, res) => sendJson(res, 200, { refresh_token: 'a\r\nb' }),
      'an answer without a token',
      /proxy/,
    ],
    ['in HTML', (_, res) => void res.end('<html>'), 'an answer without a token', /proxy/],
  ])('of the registry is told: %s', async (_name, misbehave, told, hint) => {
    const { azure, exchange, asked } = await setUp()
    azure.misbehave('exchange', misbehave)
    const error = await failureOf(exchange())
    expect(codeOf(error)).toBe('exchange-failed')
    expect(describeError(error)).toBe(`${registry}: ${told}`)
    expect(hintOf(error)).toMatch(hint)
    expect(inspect(error, { depth: null })).not.toContain(SECRET)
    expect(asked()).toHaveLength(2)
  })

  test('for the moment is asked again', async () => {
    const { azure, exchange, asked, pauses } = await setUp()
    azure.misbehave('entra', (_, res) => sendJson(res, 429, {}), 2)
    expect(await exchange()).toMatchObject({ username: ACR_USER })
    expect(asked()).toHaveLength(4)
    expect(pauses).toEqual([1_000, 2_000])
  })

  test('for longer is told after three attempts', async () => {
    const { azure, exchange, asked } = await setUp()
    azure.misbehave('entra', (_, res) => sendJson(res, 500, {}))
    const error = await failureOf(exchange())
    expect(describeError(error)).toBe(`${entra}: status 500`)
    expect(hintOf(error)).toMatch(/^Microsoft is in trouble/)
    expect(asked()).toHaveLength(3)
  })

  test('of a token is none of a registry', async () => {
    const { azure, exchange } = await setUp()
    azure.misbehave('entra', (_, res) => sendJson(res, 200, { id_token: 'x' }))
    expect(describeError(await failureOf(exchange()))).toBe(`${entra}: an answer without a token`)
  })

  test('ends with whoever waits for it', async () => {
    const { azure, exchange } = await setUp()
    azure.misbehave('entra', () => controller.abort(new Error('enough')))
    const controller = new AbortController()
    const error = await failureOf(exchange(PRINCIPAL, { signal: controller.signal }))
    expect(error).toMatchObject({ message: 'enough' })
  })
})
