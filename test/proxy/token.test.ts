import { describe, expect, onTestFinished, test } from 'vitest'
import { createDialer } from '../../src/net/dial.ts'
import { createNet } from '../../src/net/undici.ts'
import { createMetrics } from '../../src/observe/metrics.ts'
import { createTraffic } from '../../src/proxy/traffic.ts'
import { createTokens } from '../../src/token/tokens.ts'
import type { Override } from '../fakes/registry.ts'
import { type Answer, ask, BEARER, fakeRegistry, LOGIN, runProxy, upstreamAt } from './harness.ts'

/** A registry with a token service, and a proxy that asks it in earnest. */
async function start(login = () => LOGIN as typeof LOGIN | undefined, override?: Override) {
  const registry = await fakeRegistry({ auth: BEARER, ...(override && { override }) })
  const digest = registry.putBlob('acme/app', Buffer.from('layer'))
  const net = createNet(createDialer({ ca: [], connect: new Map() }))
  onTestFinished(() => net.close())
  const traffic = createTraffic()
  const clock = { now: Date.now() }
  const now = () => clock.now
  const tokens = createTokens({ net, now, seen: traffic.token })
  const { url } = await runProxy([upstreamAt(registry.host, { alias: 'corp' })], {
    ...{ login, net, tokens, traffic, now },
  })
  return {
    ...{ registry, clock, url },
    pull: (): Promise<Answer> => ask(`${url}/v2/corp/acme/app/blobs/${digest}`),
    async counted() {
      const text = await createMetrics(traffic.families).render()
      const told = [...text.matchAll(/tokens_total{.*outcome="(\w+)"} (\d+)/g)]
      return Object.fromEntries(told.map(([, outcome, count]) => [outcome, Number(count)]))
    },
  }
}

test('a token is fetched once, and once more when it is refused', async () => {
  const { registry, pull } = await start()
  expect((await pull()).status).toBe(200)
  expect((await pull()).status).toBe(200)
  expect(registry.tokens).toEqual(['repository:acme/app:pull'])
  registry.revokeTokens()
  expect((await pull()).body.toString()).toBe('layer')
  expect(registry.tokens).toHaveLength(2)
  expect(registry.asked.filter((asked) => asked.url === '/v2/')).toHaveLength(1)
})

describe('tokens are counted', () => {
  test('as fetched, and as hit by everybody who needed none', async () => {
    const { pull, clock, counted } = await start()
    for (let i = 0; i < 3; i++) await pull()
    expect(await counted()).toEqual({ fetched: 1, hit: 2 })
    // Asked for again, and remembered.
    clock.now += 2_000
    await pull()
    expect(await counted()).toEqual({ fetched: 1, hit: 3 })
    clock.now += 280_000
    await pull()
    expect(await counted()).toEqual({ fetched: 2, hit: 3 })
  })

  test('as failed', async () => {
    const { pull, counted } = await start(() => undefined)
    expect((await pull()).status).toBe(401)
    expect(await counted()).toEqual({ failed: 1 })
  })
})

test('what a registry asks for in a challenge of its own is asked for first', async () => {
  const { registry, pull } = await start(undefined, ({ url = '', headers }, res) => {
    if (!url.includes('/blobs/') || registry.tokens.length > 1) return false
    if (headers.authorization === undefined) return false
    const scope = 'scope="registry:group:pull repository:acme/app:pull,push"'
    const realm = `Bearer realm="${registry.origin}/token",service="fake"`
    res.writeHead(401, { 'WWW-Authenticate': `Basic realm="x", ${realm},${scope}` }).end()
    return true
  })
  expect((await pull()).status).toBe(200)
  // No more than what is asked: a pull is given no token to push with.
  expect(registry.tokens).toEqual([
    'repository:acme/app:pull',
    'registry:group:pull repository:acme/app:pull',
  ])
})
