import type { ServerResponse } from 'node:http'
import { codeOf, describeError, hintOf, retryAfterMsOf, statusOf } from '../model/errors.ts'
import type { Deed } from './audit.ts'

/**
 * Why a request is answered here and not by the registry.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes
 */
export interface Problem {
  readonly status: number
  readonly code: ProblemCode
  /** For people; never a secret, nor anything that the registry wrote. */
  readonly message: string
  /** The methods that would do, for a 405. */
  readonly allow?: string
  /** What was wanted, if it is the configuration that does not allow it. */
  readonly denied?: Deed
  /** When it may be tried again, in seconds from now. */
  readonly retryAfterS?: number
}

type ProblemCode =
  | 'BLOB_UPLOAD_INVALID'
  | 'BLOB_UPLOAD_UNKNOWN'
  | 'DENIED'
  | 'DIGEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'TOOMANYREQUESTS'
  | 'UNAUTHORIZED'
  | 'UNAVAILABLE'
  | 'UNKNOWN'
  | 'UNSUPPORTED'

/** Makes a problem; its message goes to the client as it is. */
export function problem(status: number, code: ProblemCode, message: string): Problem {
  return { status, code, message }
}

/** Tells a problem from whatever else a step may return: nothing else has a status and a code. */
export function isProblem(value: object): value is Problem {
  return 'status' in value && 'code' in value && 'message' in value
}

/** A fault of ours as the client shall see it: one line, with the hint where there is one. */
export function problemOf(error: unknown): Problem {
  const hint = hintOf(error)
  const line = describeError(error)
  const { status, code } = statusFor(error)
  const told = problem(status, code, hint === undefined ? line : `${line}; ${hint}`)
  const retryAfterMs = retryAfterMsOf(error)
  if (retryAfterMs === undefined) return told
  return { ...told, retryAfterS: Math.ceil(retryAfterMs / 1_000) }
}

function statusFor(error: unknown): Pick<Problem, 'status' | 'code'> {
  const code = codeOf(error)
  // Not who asks is refused, but how often: 401 would have somebody look for another password.
  if (code === 'upstream-refused' && statusOf(error) === 429) {
    return { status: 429, code: 'TOOMANYREQUESTS' }
  }
  switch (code) {
    case 'credential-expired':
    case 'credential-incomplete':
    case 'credential-unsupported':
    case 'upstream-refused':
      return { status: 401, code: 'UNAUTHORIZED' }
    case 'not-allowed':
      return { status: 403, code: 'DENIED' }
    case 'exchange-limit':
      return { status: 429, code: 'TOOMANYREQUESTS' }
    default:
      return { status: 502, code: 'UNKNOWN' }
  }
}

/** Answers with a problem, in the registries' form; the body goes unless it was a HEAD. */
export function sendProblem(res: ServerResponse, told: Problem): void {
  const { status, code, message, allow, retryAfterS } = told
  const body = `${JSON.stringify({ errors: [{ code, message: `purser: ${message}` }] })}\n`
  res.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    ...(allow === undefined ? {} : { Allow: allow }),
    ...(retryAfterS === undefined ? {} : { 'Retry-After': retryAfterS }),
  })
  res.end(body)
}
