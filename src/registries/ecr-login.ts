import type { Agent } from 'node:https'
import { setTimeout } from 'node:timers/promises'
import { type AwsPlace, type ClientSettings, settingsFor } from '../cloud/aws/client.ts'
import { type AwsService, readEndpoints } from '../cloud/aws/endpoint.ts'
import { type AwsHints, faultOf, isPassing, isThrottled } from '../cloud/aws/fault.ts'
import { createGate } from '../cloud/aws/gate.ts'
import type { SdkHandler } from '../cloud/aws/handler.ts'
import type { AwsIdentity } from '../cloud/aws/identity.ts'
import { nameIdentity } from '../cloud/aws/name.ts'
import type { AmbientAwsCredential, AwsCredential } from '../model/credential.ts'
import { PurserError } from '../model/errors.ts'
import type { Host } from '../model/host.ts'
import type { Login } from '../model/login.ts'
import { parseAuthorization } from './ecr-token.ts'

/** All attempts and the pauses between them; a kubelet waits a minute. */
const TIMEOUT_MS = 50_000

/** What an exchange with Amazon is made with. */
export interface EcrOptions {
  httpsAgent(): Promise<Agent>
  readonly env: Readonly<Record<string, string | undefined>>
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** How long there is for an answer, all attempts together. Default: 50 s. */
  readonly timeoutMs?: number
  /** Waits between attempts. Default: a timer. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>
}

/** Which of Amazon's APIs mints the login of a host. */
export interface EcrApi extends Pick<AwsPlace, 'region' | 'fips' | 'dualStack'> {
  readonly service: Extract<AwsService, 'ECR' | 'ECR PUBLIC'>
  /** The part of Amazon's cloud that it is of: `aws`, `aws-cn`. */
  readonly partition: string
  /** Loads the API's client; nobody else needs what it needs. */
  load(): Promise<OpenApi>
  /** What to do about a refusal, by Amazon's name for it. */
  readonly hints: AwsHints
}

/** Makes a client; it is asked by the function that is returned, the same one at each attempt. */
export type OpenApi = (
  settings: ClientSettings,
  identity: AwsIdentity,
) => (signal: AbortSignal) => Promise<unknown>

/**
 * Turns Amazon's identities into logins: finds the keys, and asks the API with them.
 *
 * @returns `undefined` if the identity is the machine's, and it has none
 * @throws `exchange-failed` if Amazon refuses; `network` if it does not answer; `policy` if an
 * endpoint that is set is neither https nor this machine; the signal's reason if it is aborted
 */
export type MintLogin = (
  credential: AwsCredential | AmbientAwsCredential,
  host: Host,
  api: EcrApi,
  signal: AbortSignal,
) => Promise<Login | undefined>

/** Makes what mints logins; what it learns of Amazon's patience holds for all that it mints. */
export function createMint({
  httpsAgent,
  env,
  now,
  timeoutMs = TIMEOUT_MS,
  pause = waitFor,
}: EcrOptions): MintLogin {
  const gate = createGate({ now, pause })

  async function ask(
    what: string,
    identity: AwsIdentity,
    place: AwsPlace,
    api: EcrApi,
    host: Host,
  ) {
    const { settings, handler } = settingsFor(api.service, place, identity.endpoints, 1)
    const send = (await api.load())(settings, identity)
    const lane = `${api.service} ${api.region}`
    const question = { ask: () => send(place.signal), isThrottled, isPassing }
    try {
      const output = await gate.pass(lane, identity.keys.accessKeyId, question, place.signal)
      return inLocalTime(parseAuthorization(output, host), handler, now())
    } catch (error) {
      // An answer that was read and is not as it ought to be says by itself of what.
      if (error instanceof PurserError && error.message.startsWith(`${host.name}: `)) throw error
      throw place.signal.aborted ? error : faultOf(what, error, handler, api.hints)
    }
  }

  return async (credential, host, api, signal) => {
    const what = `asking Amazon for a token for ${host.name} with ${nameIdentity(credential)}`
    const deadline = AbortSignal.timeout(timeoutMs)
    const { region, fips, dualStack } = api
    const place = {
      env,
      httpsAgent: await httpsAgent(),
      now,
      signal: AbortSignal.any([signal, deadline]),
      region,
      fips,
      dualStack,
    }
    try {
      const identity = await identify(credential, place)
      return identity && (await ask(what, identity, place, api, host))
    } catch (error) {
      signal.throwIfAborted()
      if (!deadline.aborted) throw error
      throw new PurserError('network', `${what}: no answer within ${timeoutMs / 1000} s`)
    }
  }
}

/** Keys that are at hand need none of what finds others, and nothing of this machine is looked at. */
async function identify(
  credential: AwsCredential | AmbientAwsCredential,
  place: AwsPlace,
): Promise<AwsIdentity | undefined> {
  place.signal.throwIfAborted()
  if (credential.kind === 'aws' && credential.role === undefined) {
    return { keys: credential, endpoints: readEndpoints(place.env, undefined) }
  }
  const { findIdentity } = await import('../cloud/aws/identity.ts')
  return findIdentity(credential, place)
}

/**
 * A login that ends when Amazon says, by this machine's clock: Amazon's own is in the answer, and the
 * two may be minutes apart.
 */
function inLocalTime(login: Login, { answer }: SdkHandler, now: number): Login {
  const { expiresAt } = login
  if (expiresAt === undefined || answer?.dateMs === undefined) return login
  return { ...login, expiresAt: new Date(expiresAt.getTime() + now - answer.dateMs) }
}

async function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await setTimeout(ms, undefined, { signal })
  } catch (error) {
    signal.throwIfAborted()
    throw error
  }
}
