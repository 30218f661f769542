import { describe, expect, test } from 'vitest'
import type { Credential } from '../../../src/model/credential.ts'
import { parseHost } from '../../../src/model/host.ts'
import { Secret } from '../../../src/model/secret.ts'
import { createTokens } from '../../../src/token/tokens.ts'
import { sendJson } from '../../fakes/http.ts'
import {
  ACR_USER,
  CLIENT,
  failureOf,
  HOST,
  HOUR_MS,
  jwt,
  NOW,
  PRINCIPAL,
  SECRET,
  setUp,
  TENANT,
  workloadIdentity,
} from './azure.ts'

describe('a service principal', () => {
  test('is exchanged for a login of three hours', async () => {
    const { azure, exchange, asked } = await setUp()
    const login = await exchange()
    expect(login?.username).toBe(ACR_USER)
    expect(login?.secret.reveal()).toBe(azure.refreshTokens[0])
    expect(login?.expiresAt).toEqual(new Date(NOW + 3 * HOUR_MS))
    expect(asked()).toEqual(['entra login.microsoftonline.com', `exchange ${HOST}`])
    expect(azure.calls[1]?.params).toMatchObject({ service: HOST, tenant: TENANT })
  })

  test.each([
    ['acmeimages.azurecr.us', 'login.microsoftonline.us'],
    ['acmeimages.azurecr.cn', 'login.chinacloudapi.cn'],
    ['acmeimages.azurecr.de', 'login.microsoftonline.de'],
    ['acmeimages.eastus2.geo.azurecr.io', 'login.microsoftonline.com'],
  ])('of %s is known at %s', async (host, authority) => {
    const { exchange, asked } = await setUp()
    await exchange(PRINCIPAL, { host })
    expect(asked()).toEqual([`entra ${authority}`, `exchange ${host}`])
  })

  test('is not looked for in the environment', async () => {
    const { exchange, asked } = await setUp({
      env: { ...workloadIdentity(), AZURE_AUTHORITY_HOST: 'https://evil.example/' },
    })
    await exchange()
    expect(asked()).toEqual(['entra login.microsoftonline.com', `exchange ${HOST}`])
  })

  test('ends by our clock, whatever the registry’s says', async () => {
    const { exchange, clock } = await setUp()
    clock.azure += 5 * 60_000
    expect((await exchange())?.expiresAt).toEqual(new Date(NOW + 3 * HOUR_MS))
  })

  test.each<[string, string, number]>([
    ['an hour if it does not say', 'opaque', HOUR_MS],
    ['an hour if it is no JSON', 'a.b.c', HOUR_MS],
    ['an hour if it says so in words', jwt({ exp: 'soon' }), HOUR_MS],
    ['until then, if it tells no beginning', jwt({ exp: NOW / 1000 + 60 }), 60_000],
    ['as long as it says', jwt({ iat: 1_000, exp: 1_300 }), 300_000],
  ])('gets a login that lives %s', async (_name, token, lifeMs) => {
    const { azure, exchange } = await setUp()
    azure.misbehave('exchange', (_, res) => sendJson(res, 200, { refresh_token: token }))
    expect((await exchange())?.expiresAt).toEqual(new Date(NOW + lifeMs))
  })

  test('makes a login that the registry takes', async () => {
    const { azure, exchange, net } = await setUp()
    const login = await exchange()
    const tokens = createTokens({ net, now: () => NOW })
    const upstream = { host: parseHost(HOST), tls: true, realms: [] }
    const signal = AbortSignal.timeout(20_000)
    const scopes = ['repository:app:pull']
    const asked = { upstream, scopes, signal }
    expect((await tokens.authorizationFor({ ...asked, login }))?.reveal()).toMatch(/^Bearer /)
    const identity = { username: '<token>', secret: new Secret(azure.refreshTokens[0] ?? '') }
    const another = { ...identity, expiresAt: undefined }
    expect((await tokens.authorizationFor({ ...asked, login: another }))?.reveal()).toMatch(
      /^Bearer/,
    )
    const given = azure.calls.filter(({ service }) => service === 'token')
    expect(given.map(({ method }) => method)).toEqual(['GET', 'POST'])
  })
})

describe('a login that somebody else had made', () => {
  const basic = (username: string, password: string): Credential => ({
    kind: 'basic',
    username,
    password: new Secret(password),
  })
  const live = jwt({ exp: NOW / 1000 + 60 })
  const past = jwt({ exp: NOW / 1000 - 1 })

  test.each<[string, Credential, string, Date | undefined]>([
    ['a user’s', basic('acmeimages', 'pass'), 'acmeimages:pass', undefined],
    ['a service principal’s', basic(CLIENT, SECRET), `${CLIENT}:${SECRET}`, undefined],
    ['az acr login’s', basic(ACR_USER, live), `${ACR_USER}:${live}`, new Date(NOW + 60_000)],
    [
      'docker’s',
      { kind: 'identity-token', token: new Secret(live) },
      `<token>:${live}`,
      new Date(NOW + 60_000),
    ],
    ['one that does not say', basic(ACR_USER, 'opaque'), `${ACR_USER}:opaque`, undefined],
    ['a user’s that looks like one', basic('u', past), `u:${past}`, undefined],
  ])('is used as it is: %s', async (_name, credential, shown, expiresAt) => {
    const { exchange, asked } = await setUp()
    const login = await exchange(credential)
    expect(`${login?.username}:${login?.secret.reveal()}`).toBe(shown)
    expect(login?.expiresAt).toEqual(expiresAt)
    expect(asked()).toEqual([])
  })

  test.each<[string, Credential]>([
    ['az acr login', basic(ACR_USER, past)],
    ['docker', { kind: 'identity-token', token: new Secret(past) }],
  ])('and has ended is never sent: by %s', async (_name, credential) => {
    const { exchange } = await setUp()
    expect(await failureOf(exchange(credential))).toMatchObject({
      code: 'credential-expired',
      message: `the token for ${HOST} expired at ${new Date(NOW - 1000).toISOString()}`,
      hint: expect.stringContaining('service principal'),
    })
  })
})
