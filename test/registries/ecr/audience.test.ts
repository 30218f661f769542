import { expect, onTestFinished, test } from 'vitest'
import { createCache } from '../../../src/cache/cache.ts'
import { parseHost } from '../../../src/model/host.ts'
import { createDialer } from '../../../src/net/dial.ts'
import { createHttpsAgent } from '../../../src/net/https-agent.ts'
import { createRegistries } from '../../../src/registries/all.ts'
import { createResolver } from '../../../src/resolver.ts'
import { startCloud } from '../../fakes/aws/cloud.ts'
import { offline, targetOf } from '../harness.ts'
import { KEYS, SIGNER } from './amazon.ts'

test('one question serves every registry of a region, whoever wants it and when', async () => {
  const cloud = await startCloud({ users: [SIGNER] })
  const httpsAgent = createHttpsAgent(createDialer({ ca: [], connect: new Map() }))
  onTestFinished(async () => {
    httpsAgent.destroy()
    await cloud.close()
  })
  const resolver = createResolver({
    sources: [{ name: 'keys', find: async () => ({ credential: KEYS, from: 'the test' }) }],
    registries: createRegistries({
      ...offline,
      httpsAgent: async () => httpsAgent,
      env: { AWS_ENDPOINT_URL: cloud.origin },
      now: Date.now,
    }),
    cache: createCache({ now: Date.now }),
    now: Date.now,
  })
  const ask = async (...hosts: readonly string[]) => {
    const signal = AbortSignal.timeout(20_000)
    const targets = hosts.map((host) => targetOf(parseHost(host)))
    const answers = await Promise.all(targets.map((each) => resolver.resolve(each, signal)))
    return new Set(answers.map((answer) => answer?.login.secret.reveal())).size
  }
  const accounts = Array.from({ length: 500 }, (_, i) => String(100_000_000_000 + i))
  const east = accounts.map((account) => `${account}.dkr.ecr.us-east-1.amazonaws.com`)
  expect(await ask(...east, '123456789012.dkr-ecr.us-east-1.on.aws')).toBe(1)
  expect(await ask(...east)).toBe(1)
  expect(cloud.calls).toHaveLength(1)

  await ask('123456789012.dkr.ecr.eu-west-1.amazonaws.com')
  await ask('123456789012.dkr.ecr-fips.us-east-1.amazonaws.com')
  await ask('public.ecr.aws', 'ecr-public.aws.com')
  expect(cloud.calls).toEqual([
    `ECR us-east-1 ${SIGNER.accessKeyId}`,
    `ECR eu-west-1 ${SIGNER.accessKeyId}`,
    `ECR us-east-1 ${SIGNER.accessKeyId}`,
    `ECR PUBLIC us-east-1 ${SIGNER.accessKeyId}`,
  ])
})
