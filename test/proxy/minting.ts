import { onTestFinished } from 'vitest'
import { createCache } from '../../src/cache/cache.ts'
import type { UpstreamConfig } from '../../src/config/config.ts'
import type { Login } from '../../src/model/login.ts'
import { Secret } from '../../src/model/secret.ts'
import { createDialer } from '../../src/net/dial.ts'
import { createNet } from '../../src/net/undici.ts'
import type { Registry } from '../../src/registries/registry.ts'
import { createResolver } from '../../src/resolver.ts'
import { createTokens } from '../../src/token/tokens.ts'
import { type Running, runProxy } from './harness.ts'

const CREDENTIAL = {
  kind: 'aws',
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: new Secret('key'),
  sessionToken: undefined,
  role: undefined,
} as const

/** A proxy with a real resolver, cache and tokens, for a registry whose logins a cloud mints. */
export async function runMintingProxy(
  own: UpstreamConfig,
  now: () => number,
  mint: () => Promise<Login>,
): Promise<Running> {
  const cloud: Registry = {
    name: 'cloud',
    matches: () => true,
    read: () => undefined,
    audience: () => 'all',
    exchange: mint,
  }
  const net = createNet(createDialer({ ca: [], connect: new Map() }))
  onTestFinished(() => net.close())
  const resolver = createResolver({
    sources: [{ name: 'vault', find: async () => ({ credential: CREDENTIAL, from: 'entry' }) }],
    registries: [cloud],
    cache: createCache({ now }),
    now,
  })
  return runProxy([own], { own, net, resolver, tokens: createTokens({ net, now }), now })
}
