import { expect, onTestFinished, test } from 'vitest'
import { createCache } from '../../src/cache/cache.ts'
import { parseHost } from '../../src/model/host.ts'
import { Secret } from '../../src/model/secret.ts'
import { createRegistries } from '../../src/registries/all.ts'
import { createResolver } from '../../src/resolver.ts'
import { vaultSource } from '../../src/sources/vault.ts'
import { openVault } from '../../src/vault/sqlite/vault.ts'
import { sandbox } from '../vault/sandbox.ts'
import { ask, fakeRegistry, runProxy, upstreamAt } from './harness.ts'

test('a changed entry is what the next request goes with', async () => {
  const came: (string | undefined)[] = []
  const registry = await fakeRegistry({
    override({ headers }, res) {
      came.push(headers.authorization)
      res.writeHead(200, { 'Content-Length': 2 }).end('{}')
      return true
    },
  })
  const options = sandbox()
  const [ours, another] = [await openVault(options), await openVault(options)]
  onTestFinished(async () => {
    await Promise.all([ours.close(), another.close()])
  })
  const key = { workspace: 'default', host: parseHost(registry.host), prefix: '', name: 'it' }
  const login = (password: string) =>
    another.put(key, { kind: 'basic', username: 'ann', password: new Secret(password) })
  const clock = { now: Date.now() }
  const now = () => clock.now
  const resolver = createResolver({
    sources: [vaultSource(async () => ours)],
    registries: createRegistries({
      httpsAgent: () => Promise.reject(new Error('no cloud')),
      net: () => Promise.reject(new Error('no cloud')),
      ...{ env: {}, now, upstreams: [] },
    }),
    cache: createCache({ now }),
    now,
  })
  const own = upstreamAt(registry.host)
  const { url } = await runProxy([own], { own, resolver, now })
  const pull = async () => {
    await ask(`${url}/v2/acme/app/manifests/v1`)
    return Buffer.from(came.at(-1)?.replace('Basic ', '') ?? '', 'base64').toString()
  }
  await login('first')
  expect(await pull()).toBe('ann:first')
  clock.now += 10
  await login('second')
  expect(await pull()).toBe('ann:second')
  clock.now += 10
  await another.remove(key)
  expect(await pull()).toBe('')
})
