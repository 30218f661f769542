import { describe, expect, test } from 'vitest'
import { exchangeElsewhere } from '../elsewhere.ts'
import {
  API,
  EXPIRES,
  failureOf,
  HOST,
  KEYS,
  SECRET,
  SESSION,
  SESSION_KEYS,
  SIGNER,
  setUp,
} from './amazon.ts'

describe('AWS keys', () => {
  test('become a login that ends when Amazon says', async () => {
    const { api, exchange } = await setUp()
    const login = await exchange()
    expect(login?.username).toBe('AWS')
    // Amazon's clock, by which it says so, shows whole seconds.
    const lateMs = (login?.expiresAt?.getTime() ?? 0) - EXPIRES.getTime()
    expect(lateMs).toBeGreaterThanOrEqual(0)
    expect(lateMs).toBeLessThan(2000)
    expect(login?.secret.reveal()).toBe(api.password)
    expect(api.calls).toEqual([
      {
        host: API,
        target: 'AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken',
        accessKeyId: SIGNER.accessKeyId,
        sessionToken: undefined,
        body: '{}',
      },
    ])
  })

  test('of a session take its token along', async () => {
    const { api, exchange } = await setUp({ signer: { ...SIGNER, sessionToken: SESSION } })
    await exchange(SESSION_KEYS)
    expect(api.calls).toMatchObject([{ sessionToken: SESSION }])
    expect(await failureOf(exchange(KEYS))).toMatchObject({ code: 'exchange-failed' })
  })

  test.each([
    [HOST, API],
    ['123456789012.dkr.ecr.us-gov-west-1.amazonaws.com', 'api.ecr.us-gov-west-1.amazonaws.com'],
    ['123456789012.dkr.ecr-fips.us-east-1.amazonaws.com', 'api.ecr-fips.us-east-1.amazonaws.com'],
    ['123456789012.dkr-ecr.us-east-1.on.aws', 'ecr.us-east-1.api.aws'],
    ['123456789012.dkr-ecr-fips.us-east-1.on.aws', 'ecr-fips.us-east-1.api.aws'],
    ['123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn', 'api.ecr.cn-north-1.amazonaws.com.cn'],
    [
      '123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn',
      'ecr.cn-north-1.api.amazonwebservices.com.cn',
    ],
    ['123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu', 'api.ecr.eusc-de-east-1.amazonaws.eu'],
    ['123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov', 'api.ecr.us-iso-east-1.c2s.ic.gov'],
    ['123456789012.dkr.ecr.us-isob-east-1.sc2s.sgov.gov', 'api.ecr.us-isob-east-1.sc2s.sgov.gov'],
    ['123456789012.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk', 'api.ecr.eu-isoe-west-1.cloud.adc-e.uk'],
    [
      '123456789012.dkr.ecr.us-isof-south-1.csp.hci.ic.gov',
      'api.ecr.us-isof-south-1.csp.hci.ic.gov',
    ],
  ])('for %s are shown to %s, and signed for its region', async (host, apiHost) => {
    const { api, exchange } = await setUp({ hosts: [apiHost] })
    await exchange(KEYS, { host })
    expect(api.calls).toMatchObject([{ host: apiHost }])
  })
})

test('no other identity of this machine is used, and nobody is asked for one', async () => {
  const { api } = await setUp()
  const seen = await exchangeElsewhere({
    ca: api.ca,
    connect: [...api.connect],
    host: HOST,
    accessKeyId: SIGNER.accessKeyId,
    secretAccessKey: SECRET,
  })
  expect(seen).toEqual({ login: `AWS:${api.password}`, callsElsewhere: 0 })
  expect(api.calls).toMatchObject([
    { host: API, accessKeyId: SIGNER.accessKeyId, sessionToken: undefined },
  ])
})
