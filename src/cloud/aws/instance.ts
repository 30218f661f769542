import { fromInstanceMetadata } from '@aws-sdk/credential-providers'
import { PurserError } from '../../model/errors.ts'
import { type AwsKeys, keysOfSdk } from './keys.ts'

/** The metadata service answers in a millisecond; where there is none, a packet is lost for ever. */
const REQUEST_TIMEOUT_MS = 1_000
/** A token, the role's name, its keys. */
const TIMEOUT_MS = 3 * REQUEST_TIMEOUT_MS

const WHAT = "asking EC2's metadata service for the identity of this instance"

const SILENT = {
  trace: () => undefined,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

/**
 * Asks EC2's metadata service for the keys of the instance's role, by its second version: the first
 * one answers whoever gets a server on the machine to fetch a URL.
 *
 * The SDK reads `AWS_EC2_METADATA_SERVICE_ENDPOINT` and its `_MODE` of this process by itself.
 *
 * @returns `undefined` if there is no such service, or the instance has no role
 * @throws `exchange-failed` if it is there and refuses
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-imds-credentials.html
 */
export async function askInstance(signal: AbortSignal): Promise<AwsKeys | undefined> {
  signal.throwIfAborted()
  const provider = fromInstanceMetadata({
    timeout: REQUEST_TIMEOUT_MS,
    maxRetries: 0,
    ec2MetadataV1Disabled: true,
    logger: SILENT,
  })
  const abort = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)])
  try {
    const keys = await Promise.race([provider(), aborted(abort)])
    return keysOfSdk(keys)
  } catch (error) {
    signal.throwIfAborted()
    if (isAbsent(error)) return undefined
    throw fault(error)
  }
}

/** No token without the service; no role in a service that has none. */
function isAbsent(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return error.name === 'InstanceMetadataV1FallbackError' || statusOf(error) === 404
}

function fault(error: unknown): PurserError {
  const status = error instanceof Error ? statusOf(error) : undefined
  const why = status === undefined ? 'no keys in its answer' : `status ${status}`
  return new PurserError('exchange-failed', `${WHAT}: ${why}`, {
    hint: 'see the role of the instance, or set AWS_EC2_METADATA_DISABLED=true to do without',
  })
}

function statusOf(error: Error): number | undefined {
  return 'statusCode' in error && typeof error.statusCode === 'number'
    ? error.statusCode
    : undefined
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
