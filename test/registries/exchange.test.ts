import { describe, expect, test } from 'vitest'
import type { Credential } from '../../src/model/credential.ts'
import { parseHost } from '../../src/model/host.ts'
import { Secret } from '../../src/model/secret.ts'
import { createRegistries, registryOf } from '../../src/registries/all.ts'
import { HOSTS, offline, targetOf } from './harness.ts'

const NOW = Date.UTC(2026, 10, 20, 12)
const registries = createRegistries({ ...offline, now: () => NOW })

type Kind = keyof typeof HOSTS

function exchange(kind: Kind, credential: Credential) {
  const host = parseHost(HOSTS[kind])
  const { signal } = new AbortController()
  return registryOf(registries, host).exchange(credential, targetOf(host), signal)
}

const basic = (username: string, password: string): Credential => ({
  kind: 'basic',
  username,
  password: new Secret(password),
})
const GCP: Credential = { kind: 'gcp-token', token: new Secret('ya29') }
const IDENTITY: Credential = { kind: 'identity-token', token: new Secret('refresh') }
const AWS: Credential = {
  kind: 'aws',
  accessKeyId: 'AKIA',
  secretAccessKey: new Secret('aws-secret'),
  sessionToken: undefined,
  role: undefined,
}

describe('a credential that needs no cloud', () => {
  test.each<[Kind, Credential, string]>([
    ['ecr', basic('AWS', 'minted'), 'AWS:minted'],
    ['gar', basic('_json_key', '{"a":1}'), '_json_key:{"a":1}'],
    ['gar', GCP, 'oauth2accesstoken:ya29'],
    ['gcr', GCP, 'oauth2accesstoken:ya29'],
    ['ngc', basic('$oauthtoken', 'key'), '$oauthtoken:key'],
    ['ghcr', basic('u', 'ghp'), 'u:ghp'],
    ['dockerhub', basic('u', 'p:with:colons'), 'u:p:with:colons'],
    ['dockerhub', IDENTITY, '<token>:refresh'],
    ['generic', basic('u', 'p'), 'u:p'],
    ['generic', IDENTITY, '<token>:refresh'],
  ])('becomes a login at %s', async (kind, credential, shown) => {
    const login = await exchange(kind, credential)
    expect(`${login?.username}:${login?.secret.reveal()}`).toBe(shown)
    expect(login?.expiresAt).toBeUndefined()
  })
})

describe('a credential of a kind that logs in elsewhere', () => {
  test.each<[Kind, Credential]>([
    ['ecr', GCP],
    ['ecr', IDENTITY],
    ['gar', AWS],
    ['gar', IDENTITY],
    ['gcr', AWS],
    ['ngc', AWS],
    ['ngc', GCP],
    ['ngc', IDENTITY],
    ['ghcr', AWS],
    ['ghcr', GCP],
    ['ghcr', IDENTITY],
    ['dockerhub', AWS],
    ['dockerhub', GCP],
    ['generic', AWS],
    ['generic', GCP],
  ])('is refused at %s: $kind', async (kind, credential) => {
    const name = kind === 'gcr' ? 'gar' : kind
    await expect(exchange(kind, credential)).rejects.toMatchObject({
      code: 'credential-unsupported',
      message: `${HOSTS[kind]} is ${name}, which cannot use a credential of kind ${credential.kind}`,
    })
  })
})

describe('a password that Amazon minted', () => {
  const at = (ms: number) => new Date(Math.floor(ms / 1000) * 1000)
  const minted = (expiration: unknown) =>
    Buffer.from(JSON.stringify({ payload: 'x', type: 'DATA_KEY', expiration })).toString('base64')

  test('ends when it says', async () => {
    const end = at(NOW + 3_600_000)
    const login = await exchange('ecr', basic('AWS', minted(end.getTime() / 1000)))
    expect(login).toMatchObject({ username: 'AWS', expiresAt: end })
  })

  test.each([
    ['an hour ago', NOW - 3_600_000],
    ['now', NOW],
  ])('that ended %s is a fault, and never sent', async (_name, ms) => {
    await expect(exchange('ecr', basic('AWS', minted(ms / 1000)))).rejects.toMatchObject({
      code: 'credential-expired',
      message: `the password for ${HOSTS.ecr} expired at ${at(ms).toISOString()}`,
      hint: expect.stringContaining('AWS keys'),
    })
  })

  test.each([
    ['it is no JSON', 'bm8ganNvbg=='],
    ['it is no base64', '%%%'],
    ['it is an array', Buffer.from('[]').toString('base64')],
    ['it says so in words', minted('tomorrow')],
    ['it says a fraction', minted(1.5)],
    ['it says a time before time', minted(-1)],
    ['it says a time beyond all', minted(Number.MAX_SAFE_INTEGER)],
    ['it is longer than any', 'A'.repeat(20_000)],
  ])('says no end if %s', async (_name, password) => {
    const login = await exchange('ecr', basic('AWS', password))
    expect(login?.expiresAt).toBeUndefined()
    expect(login?.secret.reveal()).toBe(password)
  })

  test('is for the user AWS alone', async () => {
    await expect(exchange('ecr', basic('somebody', 'x'))).rejects.toMatchObject({
      code: 'credential-unsupported',
      message: `${HOSTS.ecr} knows no user but AWS`,
      hint: expect.stringContaining('AWS keys'),
    })
  })
})
