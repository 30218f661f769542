import { describe, expect, test } from 'vitest'
import { createCache } from '../../../src/cache/cache.ts'
import type { Credential } from '../../../src/model/credential.ts'
import { parseHost } from '../../../src/model/host.ts'
import type { Login } from '../../../src/model/login.ts'
import { Secret } from '../../../src/model/secret.ts'
import { createGar } from '../../../src/registries/gar/gar.ts'
import { generic } from '../../../src/registries/generic.ts'
import { createResolver } from '../../../src/resolver.ts'
import { credentialOf } from '../../cloud/google/credential.ts'
import { FILES, impersonated, machine, PRIVATE_KEY } from '../../cloud/google/machine.ts'
import { offline, targetOf } from '../harness.ts'

const gar = createGar(offline)
const { signal } = new AbortController()
const KEY = 'GOOGLE_APPLICATION_CREDENTIALS'

const HOSTS = [
  'us-docker.pkg.dev',
  'europe-west1-docker.pkg.dev',
  'docker.us-central1.rep.pkg.dev',
  'gcr.io',
  'eu.gcr.io',
  'marketplace.gcr.io',
]

describe('a password that Google takes as it is', () => {
  const json = JSON.stringify(FILES.serviceAccount, null, 2)
  test.each([
    ['_json_key', json],
    ['_json_key', `${json}\n`],
    ['_json_key_base64', Buffer.from(json).toString('base64')],
    ['oauth2accesstoken', 'ya29.x'],
    ['_token', 'ya29.x'],
    ['_dcgcr_2_1_0_token', 'ya29.x'],
  ])('for %s goes out unchanged', async (username, password) => {
    const credential = gar.read({ USERNAME: username, PASSWORD: password })
    expect(credential).toEqual({ kind: 'basic', username, password: new Secret(password) })
    for (const host of HOSTS) {
      const target = targetOf(parseHost(host))
      const login = credential && (await gar.exchange(credential, target, signal))
      expect(login).toEqual({ username, secret: new Secret(password), expiresAt: undefined })
    }
  })
})

describe('a credential file', () => {
  test.each([
    ['gcp-service-account', FILES.serviceAccount],
    ['gcp-user', FILES.user],
    ['gcp-external', FILES.external],
    ['gcp-impersonated', impersonated(FILES.serviceAccount)],
    ['gcp-external', impersonated(FILES.external)],
  ])('is of its kind: %s', (kind, file) => {
    const json = JSON.stringify(file)
    expect(gar.read({ [KEY]: json })).toEqual({ kind, json: new Secret(json) })
  })

  test('is of no more worth than a token', () => {
    const keys = { [KEY]: JSON.stringify(FILES.user), GCP_ACCESS_TOKEN: 'ya29.x' }
    expect(gar.read(keys)).toEqual({ kind: 'gcp-token', token: new Secret('ya29.x') })
  })

  test.each([
    ['a path', '/home/jane/key.json', 'is a path, and not what the file holds'],
    ['a path to elsewhere', '../../etc/passwd', 'is a path, and not what the file holds'],
    ['half of one', `{"private_key": ${PRIVATE_KEY}`, "is no credential file of Google's"],
    ['something else', '{"type":"hush"}', "is no credential file of Google's"],
  ])('is not %s, which nobody opens or shows', (_name, value, why) => {
    expect(() => gar.read({ [KEY]: value })).toThrow(
      expect.objectContaining({ code: 'credential-incomplete', message: `${KEY} ${why}` }),
    )
  })
})

/** One who asks for hosts of Google's with one credential, on a clock that can be set. */
async function asker(credential: Credential, lifeS: number) {
  let now = Date.now()
  const at = await machine({ clock: () => now, now: () => now, lifeS })
  const resolver = createResolver({
    sources: [{ name: 'vault', find: async () => ({ credential, from: 'an entry' }) }],
    registries: [at.gar, generic],
    cache: createCache<Login | undefined>({ now: () => now }),
    now: () => now,
  })
  return {
    exchanges: () => at.google.calls.length,
    pass: (seconds: number) => {
      now += seconds * 1000
    },
    async ask(host = 'us-docker.pkg.dev') {
      const found = await resolver.resolve(targetOf(parseHost(host)), signal)
      const leftS = ((found?.login.expiresAt?.getTime() ?? 0) - now) / 1000
      return { token: found?.login.secret.reveal(), leftS }
    },
  }
}

describe('a token', () => {
  const credential = credentialOf(FILES.serviceAccount)

  test('is one for all of Google’s hosts', async () => {
    const { ask, exchanges } = await asker(credential, 3599)
    const answers = await Promise.all([...HOSTS, ...HOSTS].map(ask))
    expect(new Set(answers.map(({ token }) => token)).size).toBe(1)
    expect(exchanges()).toBe(1)
  })

  test('is none for another host', async () => {
    const { ask, exchanges } = await asker(credential, 3599)
    for (const host of ['gcr.io.evil.example', 'us-npm.pkg.dev', 'gcr.io:5000', 'ghcr.io']) {
      await expect(ask(host)).rejects.toMatchObject({ code: 'credential-unsupported' })
    }
    expect(exchanges()).toBe(0)
  })

  test.each([3599, 600, 300, 240, 120])('of %i seconds is renewed in time', async (lifeS) => {
    const { ask, pass, exchanges } = await asker(credential, lifeS)
    const tokens = new Set<string | undefined>()
    for (let i = 0; i < 12; i++) {
      const { token, leftS } = await ask()
      tokens.add(token)
      // Less than a minute, or half of its life, is too short to be of use.
      expect(leftS).toBeGreaterThan(Math.min(60, lifeS / 2) - 1)
      pass(lifeS / 4)
    }
    expect(tokens.size).toBe(exchanges())
    expect(exchanges()).toBeGreaterThan(1)
    expect(exchanges()).toBeLessThanOrEqual(6)
  })
})
