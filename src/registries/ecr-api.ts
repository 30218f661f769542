import type { Agent } from 'node:https'
import { pipeline, Readable, Transform } from 'node:stream'
import type { ECRClient, ECRClientConfig } from '@aws-sdk/client-ecr'
import type { AwsCredential } from '../model/credential.ts'
import { describeError, PurserError } from '../model/errors.ts'
import type { Host } from '../model/host.ts'
import type { Login } from '../model/login.ts'
import type { EcrHost } from './ecr-host.ts'
import { parseAuthorization } from './ecr-token.ts'

/** A TLS handshake to another continent takes a second; one that takes five does not end. */
const CONNECT_TIMEOUT_MS = 5_000
/** The API answers in 200 ms. */
const REQUEST_TIMEOUT_MS = 15_000
const MAX_ATTEMPTS = 3
/** Three attempts and the pauses between them; a kubelet waits a minute. */
const TIMEOUT_MS = 50_000
/** A token of 16 KiB at most, and the few properties around it. */
const MAX_ANSWER_BYTES = 64 * 1024

/**
 * What the SDK looks up in the environment and in `~/.aws` unless it is told. `AWS_ENDPOINT_URL` alone
 * would have the signed request, with the session token, sent to anybody and without TLS.
 */
const TOLD: ECRClientConfig = {
  ignoreConfiguredEndpointUrls: true,
  retryMode: 'standard',
  authSchemePreference: [],
  userAgentAppId: async () => undefined,
  disableClockSkewCorrection: false,
}

/** As Amazon makes them; what else stands in an identifier's place may be the secret. */
const ACCESS_KEY_ID = /^A[KS]IA[A-Z0-9]{12,124}$/

interface Question {
  readonly host: Host
  readonly place: EcrHost
  readonly httpsAgent: Agent
  readonly signal: AbortSignal
  /** All attempts together, to the last byte of the answer. */
  readonly timeoutMs: number | undefined
}

/**
 * Asks Amazon for a login. The identity is the credential's alone: no file, variable or metadata
 * service of this machine is looked at for another.
 *
 * @throws `exchange-failed` if Amazon answers with anything but a login; `network` if it does not
 * answer; the signal's reason if it is aborted.
 * @see https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
 */
export async function getAuthorization(
  credential: AwsCredential,
  { host, place, httpsAgent, signal, timeoutMs = TIMEOUT_MS }: Question,
): Promise<Login> {
  const { ECRClient, GetAuthorizationTokenCommand } = await import('@aws-sdk/client-ecr')
  const client = new ECRClient({
    ...TOLD,
    region: place.region,
    useFipsEndpoint: place.fips,
    useDualstackEndpoint: place.dualStack,
    credentials: {
      accessKeyId: credential.accessKeyId,
      secretAccessKey: credential.secretAccessKey.reveal(),
      ...(credential.sessionToken && { sessionToken: credential.sessionToken.reveal() }),
    },
    maxAttempts: MAX_ATTEMPTS,
    requestHandler: {
      httpsAgent,
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
    },
  })
  limitAnswers(client)
  const deadline = AbortSignal.timeout(timeoutMs)
  try {
    const output = await client.send(new GetAuthorizationTokenCommand({}), {
      abortSignal: AbortSignal.any([signal, deadline]),
    })
    return parseAuthorization(output, host)
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof PurserError && error.code === 'exchange-failed') throw error
    const what = `asking Amazon for a token for ${host.name}${nameKey(credential)}`
    throw deadline.aborted
      ? new PurserError('network', `${what}: no answer within ${timeoutMs / 1000} s`)
      : failure(what, error)
  }
}

/** Enough to tell which of several keys it was. */
function nameKey({ accessKeyId }: AwsCredential): string {
  return ACCESS_KEY_ID.test(accessKeyId) ? ` with key …${accessKeyId.slice(-4)}` : ''
}

/** The SDK would collect whatever comes. */
function limitAnswers({ middlewareStack }: ECRClient): void {
  middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args)
      const { response } = result
      const hasBody = typeof response === 'object' && response !== null && 'body' in response
      if (hasBody && response.body instanceof Readable) {
        response.body = pipeline(response.body, createLimit(), () => undefined)
      }
      return result
    },
    // Next to the connection, before anything reads.
    { step: 'deserialize', priority: 'low' },
  )
}

function createLimit(): Transform {
  let size = 0
  return new Transform({
    transform(chunk: Buffer, _, callback) {
      size += chunk.length
      if (size > MAX_ANSWER_BYTES) callback(new Error('the answer is too long'))
      else callback(null, chunk)
    },
  })
}

/**
 * The SDK's error is no cause of ours: it leads to the response and from there to the request, whose
 * headers are the signature and the session token. And its message quotes what Amazon was sent.
 */
function failure(what: string, error: unknown): PurserError {
  const status = statusOf(error)
  if (status === undefined) return new PurserError('network', `${what}: ${describeError(error)}`)
  const name = error instanceof Error && /^[A-Za-z]{1,64}$/.test(error.name) ? error.name : 'Error'
  return new PurserError('exchange-failed', `${what}: ${name}, status ${status}`, {
    hint: hintFor(name),
  })
}

/** The status of Amazon's answer, if there was one. */
function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('$response' in error)) return undefined
  const { $response: response } = error
  const hasStatus = typeof response === 'object' && response !== null && 'statusCode' in response
  return hasStatus && typeof response.statusCode === 'number' ? response.statusCode : undefined
}

function hintFor(name: string): string {
  switch (name) {
    case 'UnrecognizedClientException':
    case 'InvalidSignatureException':
      return 'the key is not, or no longer, one of the account; log in with one that is'
    case 'ExpiredTokenException':
      return 'the session has ended: log in with the keys of a new one'
    case 'AccessDeniedException':
      return 'allow the identity ecr:GetAuthorizationToken'
    case 'ThrottlingException':
      return 'Amazon allows the account no more questions at the moment; try again later'
    default:
      return 'see the AWS documentation of ecr:GetAuthorizationToken'
  }
}
