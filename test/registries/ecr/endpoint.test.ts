import { readFileSync } from 'node:fs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { parseHost } from '../../../src/model/host.ts'
import { createDialer } from '../../../src/net/dial.ts'
import { createHttpsAgent } from '../../../src/net/https-agent.ts'
import { createEcr } from '../../../src/registries/ecr/ecr.ts'
import { parseEcrHost } from '../../../src/registries/ecr/host.ts'
import { startEcr } from '../../fakes/ecr.ts'
import { targetOf } from '../harness.ts'
import { API, EXPIRES, HOST, KEYS, SIGNER } from './amazon.ts'

/** Logs in with keys and these variables, where only `apiHost` is to be reached. */
async function exchange(apiHost: string, env: Readonly<Record<string, string>>) {
  const api = await startEcr({ hosts: [apiHost], signer: SIGNER, expiresAt: EXPIRES })
  const httpsAgent = createHttpsAgent(createDialer({ ca: [api.ca], connect: api.connect }))
  onTestFinished(async () => {
    httpsAgent.destroy()
    await api.close()
  })
  const ecr = createEcr({ httpsAgent: async () => httpsAgent, env, now: Date.now })
  const answer = ecr.exchange(KEYS, targetOf(parseHost(HOST)), AbortSignal.timeout(20_000))
  const login = await answer.catch((error: unknown) => error)
  return { login, calls: api.calls }
}

describe('settings of the SDK that the operator has made hold for keys, too', () => {
  test.each([
    ['an endpoint of the service', 'localhost', { AWS_ENDPOINT_URL_ECR: 'https://localhost' }],
    ['FIPS', 'api.ecr-fips.us-east-1.amazonaws.com', { AWS_USE_FIPS_ENDPOINT: 'true' }],
    ['dual stack', 'ecr.us-east-1.api.aws', { AWS_USE_DUALSTACK_ENDPOINT: 'true' }],
    [
      'an endpoint, of whatever kind it is',
      'vpce-1.ecr.us-east-1.vpce.amazonaws.com',
      {
        AWS_ENDPOINT_URL: 'https://vpce-1.ecr.us-east-1.vpce.amazonaws.com',
        AWS_USE_FIPS_ENDPOINT: 'true',
      },
    ],
    [
      'that endpoints are ignored',
      API,
      { AWS_ENDPOINT_URL: 'http://10.1.2.3', AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' },
    ],
    ['never a region', API, { AWS_REGION: 'eu-west-3', AWS_DEFAULT_REGION: 'eu-west-3' }],
  ])('%s', async (_name, apiHost, env) => {
    const { login, calls } = await exchange(apiHost, env)
    expect(login).toMatchObject({ username: 'AWS' })
    expect(calls).toMatchObject([{ host: apiHost }])
  })

  test('but nothing is sent in the clear', async () => {
    const { login, calls } = await exchange(API, { AWS_ENDPOINT_URL: 'http://10.1.2.3' })
    expect(login).toMatchObject({
      code: 'policy',
      message: 'AWS_ENDPOINT_URL is neither https nor on this machine',
    })
    expect(calls).toEqual([])
  })
})

describe("Amazon's own table of its cloud", () => {
  const file = '@aws-sdk/core/dist-es/submodules/client/util-endpoints/lib/aws/partitions.js'
  const text = readFileSync(new URL(`../../../node_modules/${file}`, import.meta.url), 'utf8')
  const { partitions }: { partitions: readonly Partition[] } = JSON.parse(
    text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1),
  )
  interface Partition {
    readonly id: string
    readonly outputs: { readonly dnsSuffix: string }
    readonly regions: Readonly<Record<string, unknown>>
  }
  const regions = partitions.flatMap(({ id, outputs, regions: of }) =>
    Object.keys(of)
      .filter((region) => !region.endsWith('-global'))
      .map((region) => [region, id, outputs.dnsSuffix] as const),
  )

  test.each(regions)('%s is of %s', (region, partition, suffix) => {
    const of = (host: string) => parseEcrHost(parseHost(host))
    expect(of(`123456789012.dkr.ecr.${region}.${suffix}`)).toMatchObject({ partition, region })
    for (const { id, outputs } of partitions) {
      const other = of(`123456789012.dkr.ecr.${region}.${outputs.dnsSuffix}`)
      expect(other?.partition, id).toBe(outputs.dnsSuffix === suffix ? partition : undefined)
    }
  })
})
