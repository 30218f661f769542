import { expect, onTestFinished } from 'vitest'
import type { AwsCredential } from '../../../src/model/credential.ts'
import { parseHost } from '../../../src/model/host.ts'
import { Secret } from '../../../src/model/secret.ts'
import { createDialer } from '../../../src/net/dial.ts'
import { createHttpsAgent } from '../../../src/net/https-agent.ts'
import { createEcr } from '../../../src/registries/ecr/ecr.ts'
import { type EcrOptions, startEcr } from '../../fakes/ecr.ts'
import { targetOf } from '../harness.ts'

export const HOST = '123456789012.dkr.ecr.us-east-1.amazonaws.com'
export const API = 'api.ecr.us-east-1.amazonaws.com'
/** In twelve hours, in whole seconds. */
export const EXPIRES = new Date((Math.ceil(Date.now() / 1000) + 12 * 3600) * 1000)
export const SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'
export const SESSION = 'FwoGZXIvYXdzEXAMPLESESSIONTOKEN=='
export const SIGNER = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: SECRET }
export const KEYS: AwsCredential = {
  kind: 'aws',
  accessKeyId: SIGNER.accessKeyId,
  secretAccessKey: new Secret(SECRET),
  sessionToken: undefined,
  role: undefined,
}
export const SESSION_KEYS = { ...KEYS, sessionToken: new Secret(SESSION) }

/** Amazon's API, and a registry that reaches it as it would Amazon's. */
export async function setUp(options: Partial<EcrOptions> = {}, timeoutMs?: number) {
  const api = await startEcr({ hosts: [API], signer: SIGNER, expiresAt: EXPIRES, ...options })
  const httpsAgent = createHttpsAgent(createDialer({ ca: [api.ca], connect: api.connect }))
  onTestFinished(async () => {
    httpsAgent.destroy()
    await api.close()
  })
  const ecr = createEcr({
    httpsAgent: async () => httpsAgent,
    env: {},
    now: Date.now,
    // An attempt that is made again is made at once.
    pause: async (_, signal) => signal.throwIfAborted(),
    ...(timeoutMs !== undefined && { timeoutMs }),
  })
  const exchange = (
    credential: AwsCredential = KEYS,
    { host = HOST, signal = AbortSignal.timeout(20_000) } = {},
  ) => ecr.exchange(credential, targetOf(parseHost(host)), signal)
  return { api, exchange }
}

export const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail('no error'),
    (error: unknown) => error,
  )
