import { describeError, type ErrorCode, PurserError, systemCode } from '../../model/errors.ts'
import { adviceOn } from '../../net/advice.ts'
import type { SdkHandler } from './handler.ts'

/** Amazon's names for what went wrong, without the `Exception` that some services add. */
export type AwsHints = Readonly<Record<string, string>>

/** A name of Amazon's making; what else stands in its place may quote what was sent. */
const NAME = /^[A-Za-z]{1,64}$/

const NOT_OF_AN_ACCOUNT = 'the key is not, or no longer, one of an account; log in with one that is'
const ENDED = 'the session has ended: log in with the keys of a new one'
const BUSY = 'Amazon allows the account no more questions at the moment; try again later'

/** What any of Amazon's services may say. */
const HINTS: AwsHints = {
  UnrecognizedClient: NOT_OF_AN_ACCOUNT,
  InvalidClientTokenId: NOT_OF_AN_ACCOUNT,
  InvalidSignature: NOT_OF_AN_ACCOUNT,
  SignatureDoesNotMatch: NOT_OF_AN_ACCOUNT,
  IncompleteSignature: NOT_OF_AN_ACCOUNT,
  MissingAuthenticationToken: NOT_OF_AN_ACCOUNT,
  ExpiredToken: ENDED,
  RequestExpired: 'set the clock of this machine',
  OptInRequired: 'the account has not opted in to the region: enable it, or ask another region',
  RegionDisabled: 'the account has not activated STS in the region: activate it there',
  Throttling: BUSY,
  TooManyRequests: BUSY,
  RequestLimitExceeded: BUSY,
}

/**
 * What Amazon refused, in one line.
 *
 * The SDK's error is no cause of ours: it leads to the response and from there to the request, whose
 * headers are the signature and the session token. And its message quotes what Amazon was sent.
 *
 * @param what - what was asked, with which identity
 */
export function faultOf(
  what: string,
  error: unknown,
  handler: SdkHandler,
  hints: AwsHints = {},
): PurserError {
  const refused = error instanceof PurserError ? error : handler.refusal
  if (refused !== undefined) {
    const { code, message, hint, status } = refused
    return new PurserError(code, `${what}: ${message}`, { hint, status })
  }
  const status = statusOf(error) ?? handler.answer?.status
  const isCut = statusOf(error) === undefined && systemCode(error) !== undefined
  if (status === undefined || isCut) {
    return new PurserError('network', `${what}: ${describeError(error)}`, { hint: adviceOn(error) })
  }
  if (status < 400) {
    return new PurserError(
      'exchange-failed',
      `${what}: the answer, of status ${status}, is no keys`,
      {
        hint: 'see who answers: a proxy, or an endpoint that is set and not Amazon’s',
      },
    )
  }
  const name = errorNameOf(error) ?? handler.answer?.errorType
  const told = name === undefined ? `status ${status}` : `${name}, status ${status}`
  return new PurserError(codeFor(name), `${what}: ${told}`, {
    hint: hintFor(name, status, hints),
    // Amazon throttles with 400 too, and that says nothing of the identity.
    status: isThrottled(error) ? 429 : status,
  })
}

/** Of a session that ended nobody need wonder whether its keys were ever good. */
function codeFor(name = ''): ErrorCode {
  return /^ExpiredToken(?:Exception)?$/.test(name) ? 'credential-expired' : 'exchange-failed'
}

function hintFor(name = '', status: number, hints: AwsHints): string | undefined {
  const short = name.replace(/Exception$|Fault$/, '')
  const known = hints[short] ?? HINTS[short]
  if (known !== undefined) return known
  if (status >= 500) return 'Amazon is in trouble: see https://health.aws.amazon.com, and try again'
  return hints['']
}

/** Whether Amazon says that it is asked too often. */
export function isThrottled(error: unknown): boolean {
  const name = errorNameOf(error) ?? ''
  return statusOf(error) === 429 || /^(?:Throttl|TooManyRequests|RequestLimitExceeded)/.test(name)
}

/** Whether the same question may be answered if it is asked again. */
export function isPassing(error: unknown): boolean {
  const status = statusOf(error)
  if (status !== undefined) return status >= 500 || isSkewCorrected(error)
  return error instanceof PurserError ? error.code === 'network' : systemCode(error) !== undefined
}

/**
 * Whether the clock was found to be wrong, and the SDK's client knows now by how much.
 *
 * @see https://github.com/smithy-lang/smithy-typescript/blob/main/packages/types/src/response.ts
 */
function isSkewCorrected(error: unknown): boolean {
  const metadata = propertyOf(error, '$metadata')
  return propertyOf(metadata, 'clockSkewCorrected') === true
}

/** The name by which a service of Amazon's refuses; `undefined` if it is not its error. */
function errorNameOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || propertyOf(error, '$response') === undefined) return undefined
  return NAME.test(error.name) && error.name !== 'Error' ? error.name : undefined
}

/** The status of Amazon's answer, if there was one. */
function statusOf(error: unknown): number | undefined {
  const status = propertyOf(propertyOf(error, '$response'), 'statusCode')
  return typeof status === 'number' ? status : undefined
}

function propertyOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}
