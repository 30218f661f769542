import type { Agent } from 'node:https'
import { type AwsPlace, type ClientSettings, settingsFor } from '../../cloud/aws/client.ts'
import { type AwsService, readEndpoints } from '../../cloud/aws/endpoint.ts'
import { type AwsHints, faultOf, isPassing, isThrottled } from '../../cloud/aws/fault.ts'
import { createGate } from '../../cloud/aws/gate.ts'
import type { SdkHandler } from '../../cloud/aws/handler.ts'
import type { AwsIdentity } from '../../cloud/aws/identity.ts'
import { nameIdentity } from '../../cloud/aws/name.ts'
import type { AmbientAwsCredential, AwsCredential } from '../../model/credential.ts'
import { PurserError } from '../../model/errors.ts'
import type { Host } from '../../model/host.ts'
import type { Login } from '../../model/login.ts'
import { sleep } from '../../model/sleep.ts'
import { parseAuthorization } from './token.ts'

/** All attempts and the pauses between them; a kubelet waits a minute. */
const TIMEOUT_MS = 50_000

/** What an exchange with Amazon is made with. */
export interface EcrOptions {
  httpsAgent(): Promise<Agent>
  readonly env: Readonly<Record<string, string | undefined>>
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Kills a process that leads a group, and its group. Default: what a program has started lives on. */
  readonly killGroup?: ((pid: number) => void) | undefined
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

type AmazonCredential = AwsCredential | AmbientAwsCredential

/** What is asked of an API: in which lane of its limit, as whom. */
interface Asking {
  readonly api: EcrApi
  /** For people. */
  readonly what: string
  readonly lane: string
  readonly who: string
}

/**
 * Turns Amazon's identities into logins: finds the keys, and asks the API with them.
 *
 * @returns `undefined` if the identity is the machine's, and it has none
 * @throws `exchange-failed` if Amazon refuses; `network` if it does not answer; `policy` if an
 * endpoint that is set is neither https nor this machine; the signal's reason if it is aborted
 */
export type MintLogin = (
  credential: AmazonCredential,
  host: Host,
  api: EcrApi,
  signal: AbortSignal,
) => Promise<Login | undefined>

/** Makes what mints logins; what it learns of Amazon's patience holds for all that it mints. */
export function createMint({
  httpsAgent,
  env,
  now,
  killGroup,
  timeoutMs = TIMEOUT_MS,
  pause = sleep,
}: EcrOptions): MintLogin {
  const gate = createGate({ now, pause })

  async function ask(identity: AwsIdentity, place: AwsPlace, { api, what, lane, who }: Asking) {
    const { settings, handler } = settingsFor(api.service, place, identity.endpoints, 1)
    const send = (await api.load())(settings, identity)
    const question = { ask: () => send(place.signal), isThrottled, isPassing }
    try {
      const output = await gate.pass(lane, who, question, place.signal)
      return { output, handler }
    } catch (error) {
      throw place.signal.aborted ? error : faultOf(what, error, handler, api.hints)
    }
  }

  async function mint(credential: AmazonCredential, host: Host, place: AwsPlace, api: EcrApi) {
    const what = describe(credential, host)
    const asking = { api, what, lane: `${api.service} ${api.region}`, who: keyOf(credential) }
    gate.requireOpen(asking.lane, asking.who, what)
    const identity = await identify(credential, place)
    if (identity === undefined) return undefined
    const { output, handler } = await ask(identity, place, asking)
    return inLocalTime(parseAuthorization(output, host), handler, now())
  }

  return async (credential, host, api, signal) => {
    const deadline = AbortSignal.timeout(timeoutMs)
    const { region, fips, dualStack } = api
    const place = {
      env,
      httpsAgent: await httpsAgent(),
      now,
      signal: AbortSignal.any([signal, deadline]),
      killGroup,
      region,
      fips,
      dualStack,
    }
    try {
      return await mint(credential, host, place, api)
    } catch (error) {
      signal.throwIfAborted()
      if (!deadline.aborted) throw error
      const what = describe(credential, host)
      throw new PurserError('network', `${what}: no answer within ${timeoutMs / 1000} s`)
    }
  }
}

function describe(credential: AmazonCredential, host: Host): string {
  return `asking Amazon for a token for ${host.name} with ${nameIdentity(credential)}`
}

/** Tells identities apart, and holds no secret: the keys of a role are others each time. */
function keyOf({ role, ...own }: AmazonCredential): string {
  const name = own.kind === 'aws' ? own.accessKeyId : own.profile
  return JSON.stringify([own.kind, name, role])
}

/** Keys that are at hand need none of what finds others, and nothing of this machine is looked at. */
async function identify(
  credential: AmazonCredential,
  place: AwsPlace,
): Promise<AwsIdentity | undefined> {
  place.signal.throwIfAborted()
  if (credential.kind === 'aws' && credential.role === undefined) {
    return { keys: credential, endpoints: readEndpoints(place.env, undefined) }
  }
  const { findIdentity } = await import('../../cloud/aws/identity.ts')
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
