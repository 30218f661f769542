import { describe, expect, onTestFinished, test } from 'vitest'
import type { AwsCredential } from '../../../src/model/credential.ts'
import { parseHost } from '../../../src/model/host.ts'
import { Secret } from '../../../src/model/secret.ts'
import { createDialer } from '../../../src/net/dial.ts'
import { createHttpsAgent } from '../../../src/net/https-agent.ts'
import { createEcr } from '../../../src/registries/ecr/ecr.ts'
import type { EcrOptions } from '../../../src/registries/ecr/login.ts'
import { startCloud } from '../../fakes/aws/cloud.ts'
import type { CloudOptions } from '../../fakes/aws/state.ts'
import { targetOf } from '../harness.ts'
import { KEYS, SIGNER } from './amazon.ts'

const HOST = '123456789012.dkr.ecr.eu-west-1.amazonaws.com'
const ROLE = {
  arn: 'arn:aws:iam::999999999999:role/puller',
  externalId: undefined,
  sessionName: undefined,
}
const MINUTE_MS = 60_000
const LIFE_MS = 12 * 60 * MINUTE_MS

/** Amazon's services on this machine, as an operator would set them. */
async function setUp(options: CloudOptions, own: Partial<EcrOptions> = {}) {
  const cloud = await startCloud(options)
  const httpsAgent = createHttpsAgent(createDialer({ ca: [], connect: new Map() }))
  onTestFinished(async () => {
    httpsAgent.destroy()
    await cloud.close()
  })
  const ecr = createEcr({
    httpsAgent: async () => httpsAgent,
    env: { AWS_ENDPOINT_URL: cloud.origin },
    now: Date.now,
    ...own,
  })
  const exchange = (credential: AwsCredential) =>
    ecr.exchange(credential, targetOf(parseHost(HOST)), AbortSignal.timeout(50_000))
  return { cloud, exchange }
}

describe("a clock that is not Amazon's", () => {
  test.each([
    ['the same', 0, 1],
    ['4 minutes behind', 4, 1],
    ['4 minutes ahead', -4, 1],
    ['10 minutes behind', 10, 2],
    ['10 minutes ahead', -10, 2],
    ['a day behind', 24 * 60, 2],
  ])(
    '%s: the login ends by this one, and the signature is valid by the other',
    async (_name, minutes, asked) => {
      const now = () => Date.now() + minutes * MINUTE_MS
      const { cloud, exchange } = await setUp({ users: [SIGNER], now })
      const login = await exchange(KEYS)
      const lifeMs = (login?.expiresAt?.getTime() ?? 0) - Date.now()
      expect(Math.abs(lifeMs - LIFE_MS)).toBeLessThan(10_000)
      expect(cloud.calls).toHaveLength(asked)
    },
  )

  test.each([10, -10])('%i minutes away: a role is taken on, too', async (minutes) => {
    const now = () => Date.now() + minutes * MINUTE_MS
    const { cloud, exchange } = await setUp({
      users: [SIGNER],
      roles: [ROLE].map(({ arn }) => ({ arn })),
      now,
    })
    const login = await exchange({ ...KEYS, role: ROLE })
    expect(login?.username).toBe('AWS')
    expect(cloud.calls.map((call) => call.split(' ')[0])).toEqual(['STS', 'STS', 'ECR', 'ECR'])
  })
})

test('two hundred identities at once, of an account that may ask twenty times a second', async () => {
  // A second of Amazon's is 40 ms of ours.
  const started = performance.now()
  const now = () => (performance.now() - started) * 25
  const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms / 25))
  const users = Array.from({ length: 200 }, (_, i) => ({
    ...SIGNER,
    accessKeyId: `AKIAIDENTITY${String(i).padStart(4, '0')}`,
  }))
  let tokens = 20
  let filledAt = 0
  let refused = 0
  const { cloud, exchange } = await setUp(
    {
      users,
      intercept(_, res) {
        tokens = Math.min(20, tokens + (now() - filledAt) / 50)
        filledAt = now()
        if (tokens >= 1) {
          tokens--
          return false
        }
        refused++
        res.writeHead(400).end('{"__type":"ThrottlingException"}')
        return true
      },
    },
    { now, pause },
  )
  const logins = await Promise.all(
    users.map(({ accessKeyId, secretAccessKey }) =>
      exchange({ ...KEYS, accessKeyId, secretAccessKey: new Secret(secretAccessKey) }),
    ),
  )
  expect(logins.every((login) => login?.username === 'AWS')).toBe(true)
  expect(cloud.calls).toHaveLength(200 + refused)
  expect(refused).toBeLessThan(200)
})
