import { expect, onTestFinished, test } from 'vitest'
import { createDialer } from '../../src/net/dial.ts'
import { createNet } from '../../src/net/undici.ts'
import { createTokens } from '../../src/token/tokens.ts'
import { ask, BEARER, fakeRegistry, LOGIN, runProxy, upstreamAt } from './harness.ts'

test('a token is fetched once, and once more when it is refused', async () => {
  const registry = await fakeRegistry({ auth: BEARER })
  const digest = registry.putBlob('acme/app', Buffer.from('layer'))
  const net = createNet(createDialer({ ca: [], connect: new Map() }))
  onTestFinished(() => net.close())
  const { url } = await runProxy([upstreamAt(registry.host, { alias: 'corp' })], {
    login: () => LOGIN,
    net,
    tokens: createTokens({ net, now: Date.now }),
  })
  const pull = () => ask(`${url}/v2/corp/acme/app/blobs/${digest}`)
  expect((await pull()).status).toBe(200)
  expect((await pull()).status).toBe(200)
  expect(registry.tokens).toEqual(['repository:acme/app:pull'])
  registry.revokeTokens()
  expect((await pull()).body.toString()).toBe('layer')
  expect(registry.tokens).toHaveLength(2)
  expect(registry.asked.filter((asked) => asked.url === '/v2/')).toHaveLength(1)
})
