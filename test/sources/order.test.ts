import { describe, expect, test } from 'vitest'
import { AMBIENT_SOURCES } from '../../src/config/config.ts'
import { parseHost } from '../../src/model/host.ts'
import { Secret } from '../../src/model/secret.ts'
import { sourceOrder } from '../../src/sources/order.ts'
import type { Vault } from '../../src/vault/vault.ts'
import { openForTest, sandbox } from '../vault/sandbox.ts'
import { ask, buildRegistry, registries, requestOf, targetOf } from './harness.ts'

const UNLENT = {
  env: {},
  uid: 0,
  command: [],
  killGroup: () => undefined,
  now: () => 0,
  identities: [],
  ambient: { enabled: false, sources: AMBIENT_SOURCES, requests: false },
} as const

const named = (password: string) =>
  JSON.stringify({ registry: 'r.example', credentials: { USERNAME: 'u', PASSWORD: password } })

const FIELDS = {
  image_credentials: named('image'),
  source_image_creds: named('source'),
  build_registry_credentials: named('build'),
}

async function vaultWith(
  ...entries: readonly (readonly [place: string, name: string, password: string])[]
): Promise<Vault> {
  const vault = await openForTest(sandbox())
  for (const [place, name, password] of entries) {
    const [host = '', ...prefix] = place.split('/')
    const key = {
      workspace: 'default',
      host: parseHost(host),
      prefix: prefix.join('/'),
      name,
    }
    await vault.put(key, { kind: 'basic', username: 'v', password: new Secret(password) })
  }
  return vault
}

async function sourcesOf(fields: unknown, vault: Vault) {
  return sourceOrder({
    ...UNLENT,
    request: fields === undefined ? undefined : requestOf(fields),
    vault: async () => vault,
    registries,
    buildRegistry: buildRegistry('r.example'),
  })
}

describe('the sources', () => {
  test('are asked in the order of nearness', async () => {
    const sources = await sourcesOf(FIELDS, await vaultWith())
    expect(sources.map(({ name }) => name)).toEqual([
      'request.image_credentials',
      'request.build_options.source_image_creds',
      'request.build_registry_credentials',
      'vault',
    ])
    expect((await sourcesOf(undefined, await vaultWith())).map(({ name }) => name)).toEqual([
      'vault',
    ])
  })

  test.each<[readonly (keyof typeof FIELDS)[], string]>([
    [[], 'request.image_credentials: u image'],
    [['image_credentials'], 'request.build_options.source_image_creds: u source'],
    [['image_credentials', 'source_image_creds'], 'request.build_registry_credentials: u build'],
    [
      ['image_credentials', 'source_image_creds', 'build_registry_credentials'],
      'entry default for r.example of workspace default: v vault',
    ],
  ])('answer in that order: without %j', async (missing, answer) => {
    const fields = Object.entries(FIELDS).filter(([name]) => !missing.some((each) => each === name))
    const vault = await vaultWith(['r.example', 'default', 'vault'])
    const sources = await sourcesOf(Object.fromEntries(fields), vault)
    expect(await ask(sources, targetOf('r.example/a/b'))).toBe(answer)
  })

  test('do not open the vault for what a request answers', async () => {
    const sources = sourceOrder({
      ...UNLENT,
      request: requestOf(FIELDS),
      vault: () => Promise.reject(new Error('opened')),
      registries,
      buildRegistry: undefined,
    })
    expect(await ask(sources, targetOf('r.example'))).toBe('request.image_credentials: u image')
    await expect(ask(sources, targetOf('ghcr.io'))).rejects.toThrow('opened')
  })
})

describe('the vault answers', () => {
  const entries = [
    ['r.example', 'default', 'host'],
    ['r.example/acme', 'default', 'acme'],
    ['r.example/acme/app', 'default', 'app'],
    ['r.example/acme', 'robot', 'robot'],
    ['ghcr.io/only', 'default', 'only'],
  ] as const

  test.each([
    ['r.example', 'default for r.example', 'host'],
    ['r.example/other', 'default for r.example', 'host'],
    ['r.example/acme', 'default for r.example/acme', 'acme'],
    ['r.example/acme/other', 'default for r.example/acme', 'acme'],
    ['r.example/acme/app', 'default for r.example/acme/app', 'app'],
    ['r.example/acme/app/deep', 'default for r.example/acme/app', 'app'],
    ['r.example/acme/application', 'default for r.example/acme', 'acme'],
    ['r.example/acmeevil', 'default for r.example', 'host'],
  ])('by the longest prefix: %s', async (place, from, password) => {
    const sources = await sourcesOf({}, await vaultWith(...entries))
    expect(await ask(sources, targetOf(place))).toBe(
      `entry ${from} of workspace default: v ${password}`,
    )
  })

  test('by name, where one is asked for', async () => {
    const sources = await sourcesOf({}, await vaultWith(...entries))
    expect(await ask(sources, targetOf('r.example/acme', { entry: 'robot' }))).toBe(
      'entry robot for r.example/acme of workspace default: v robot',
    )
  })

  test.each(['ghcr.io', 'ghcr.io/other', 'r.example:5000', 'r.example.evil.example', 'quay.io'])(
    'nothing for %s',
    async (place) => {
      const sources = await sourcesOf({}, await vaultWith(...entries))
      expect(await ask(sources, targetOf(place))).toBe('nothing')
    },
  )

  test.each([
    ['a password for plain http', 'r.example', 'http://r.example', 'r.example'],
    ['one for plain http on a path', 'r.example/a', 'http://r.example/a', 'r.example/a'],
    ['one of a URL with a query', 'r.example', 'https://r.example?a=b', 'r.example'],
    [
      "docker's own access token",
      'docker.io/v1/access-token',
      'https://index.docker.io/v1/access-token',
      'docker.io/v1/access-token',
    ],
    [
      "docker's own refresh token",
      'docker.io/v1/refresh-token',
      'https://index.docker.io/v1/refresh-token',
      'docker.io/v1/refresh-token/deep',
    ],
  ])('nobody with %s', async (_what, stored, name, place) => {
    const sources = await sourcesOf({}, await vaultWith([stored, name, 'secret']))
    expect(await ask(sources, targetOf(place))).toBe('nothing')
  })

  test('nothing for another workspace', async () => {
    const sources = await sourcesOf({}, await vaultWith(...entries))
    expect(await ask(sources, targetOf('r.example', { workspace: 'other' }))).toBe('nothing')
  })
})
