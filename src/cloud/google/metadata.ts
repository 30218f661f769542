import { describeError, PurserError, systemCode } from '../../model/errors.ts'
import { quote } from '../../model/host.ts'
import { pause } from '../pause.ts'
import { type Answer, ask } from './ask.ts'
import { refused } from './fault.ts'
import { readToken } from './grant.ts'
import type { GooglePlace, GoogleToken } from './place.ts'

/** The address of the link, not the name: where there is no such server, no resolver keeps us waiting. */
const ADDRESS = '169.254.169.254'
const PATH = '/computeMetadata/v1/instance/service-accounts/default/token'

/** It says so in each answer: AWS's and Azure's own servers have the same address. */
const FLAVOR = 'Google'

/** It answers in milliseconds; where there is none, a packet is lost for ever. */
const TIMEOUT_MS = 1_000
/** GKE's refuses connections while a pod starts; Google says to try again. */
const MAX_ATTEMPTS = 3
const FIRST_PAUSE_MS = 250
/** One that is there may have to ask Google. */
const PRESENT_TIMEOUT_MS = 5_000

/**
 * Asks the machine's metadata server for a token of the account that the machine, or the pod, runs as.
 *
 * @returns `undefined` if there is no such server, or the machine has no account
 * @throws `exchange-failed` if it refuses; `network` if one that the environment names does not answer
 * @see https://cloud.google.com/compute/docs/access/authenticate-workloads#applications
 */
export async function askMetadata(place: GooglePlace): Promise<GoogleToken | undefined> {
  const named = hostNamed(place.env)
  if (named === undefined && isDisabled(place.env)) return undefined
  const url = urlOf(named ?? ADDRESS)
  const what = `asking ${quote(url.host)} for a token of this machine`
  const askedAt = place.now()
  const answer = await askServer(url, named !== undefined, what, place)
  if (answer === undefined || answer.status === 404) return undefined
  const token = answer.status === 200 ? readToken(answer, askedAt) : undefined
  if (token !== undefined) return token
  throw refused(
    what,
    answer,
    () => 'see the service account of this machine, and its access scopes',
  )
}

/** The same variables that Google's own libraries know. */
function hostNamed(env: GooglePlace['env']): string | undefined {
  return env['GCE_METADATA_HOST'] || env['GCE_METADATA_IP'] || undefined
}

function isDisabled(env: GooglePlace['env']): boolean {
  return (
    env['NO_GCE_CHECK']?.toLowerCase() === 'true' ||
    env['METADATA_SERVER_DETECTION']?.trim().toLowerCase() === 'none'
  )
}

/** Some write it as a URL, of which Google's libraries take the host. */
function urlOf(named: string): URL {
  const host = named.replace(/^http:\/\//, '')
  const url = /^[\w.:[\]-]+$/.test(host) ? URL.parse(PATH, `http://${host}`) : null
  if (url !== null) return url
  throw new PurserError('config-invalid', `GCE_METADATA_HOST ${quote(named)} is not a host`, {
    hint: 'write it as host or host:port',
  })
}

/** @returns `undefined` if nobody is there who says that he is Google's */
async function askServer(
  url: URL,
  isNamed: boolean,
  what: string,
  place: GooglePlace,
): Promise<Answer | undefined> {
  for (let attempt = 1; ; attempt++) {
    const result = await askOnce(url, isNamed, place)
    if (attempt === MAX_ATTEMPTS || !mayPass(result, isNamed)) {
      return isNamed ? requireGoogle(result, what) : googleOrNobody(result)
    }
    await pause(FIRST_PAUSE_MS * attempt, place.signal)
  }
}

/** @returns the error if nobody answered */
async function askOnce(url: URL, isNamed: boolean, place: GooglePlace): Promise<Answer | Error> {
  const timeoutMs = isNamed ? PRESENT_TIMEOUT_MS : TIMEOUT_MS
  const headers = { 'metadata-flavor': FLAVOR, accept: 'application/json' }
  try {
    return await ask({ method: 'GET', url, headers }, { ...place, timeoutMs })
  } catch (error) {
    place.signal.throwIfAborted()
    return error instanceof Error ? error : new Error('unknown')
  }
}

/** Whether another attempt may have an answer, or a better one. */
function mayPass(result: Answer | Error, isNamed: boolean): boolean {
  if (result instanceof Error) return isNamed || systemCode(result) === 'ECONNREFUSED'
  return isGoogle(result) && result.status >= 500
}

function isGoogle({ headers }: Answer): boolean {
  return headers['metadata-flavor'] === FLAVOR
}

function googleOrNobody(result: Answer | Error): Answer | undefined {
  return result instanceof Error || !isGoogle(result) ? undefined : result
}

/** The environment says that there is one: so there must be. */
function requireGoogle(result: Answer | Error, what: string): Answer {
  if (result instanceof Error) {
    throw new PurserError('network', `${what}: ${describeError(result)}`, {
      hint: 'GCE_METADATA_HOST names it: unset it where there is none',
    })
  }
  if (isGoogle(result)) return result
  throw new PurserError('exchange-failed', `${what}: whoever answers is not a metadata server`, {
    hint: 'GCE_METADATA_HOST names it: its answers have Metadata-Flavor: Google',
  })
}
