/** What went wrong, for a program: each code is one condition, and stays what it is between releases. */
export type ErrorCode =
  | 'agent-unreachable'
  | 'config-invalid'
  | 'credential-expired'
  | 'credential-incomplete'
  | 'credential-unsupported'
  | 'exchange-failed'
  | 'exchange-limit'
  | 'host-invalid'
  | 'internal'
  | 'key-invalid'
  | 'key-missing'
  | 'network'
  | 'not-allowed'
  | 'not-found'
  | 'policy'
  | 'reference-invalid'
  | 'request-invalid'
  | 'unsafe-file'
  | 'upstream-refused'
  | 'usage'
  | 'vault-corrupt'
  | 'vault-failed'

/** What an error is told with beside its message. */
export interface ErrorDetails {
  readonly cause?: unknown
  /** What to do next, as one sentence without a period. */
  readonly hint?: string | undefined
  /** The status of a server's answer, if that is what went wrong. */
  readonly status?: number | undefined
  /** When the server wants to be asked again. */
  readonly retryAfterMs?: number | undefined
}

/**
 * The one error that Purser throws on purpose.
 *
 * The message says what was tried and on what, in lower case and without a period. It never holds a
 * secret, nor a body that came from outside: a cause of somebody else's making is kept for
 * debuggers, and {@link describeError} shows no more of it than its system code.
 */
export class PurserError extends Error {
  override readonly name = 'PurserError'
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly status: number | undefined
  readonly retryAfterMs: number | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined)
    this.code = code
    this.hint = details.hint
    this.status = details.status
    this.retryAfterMs = details.retryAfterMs
  }
}

/** The error in one line, with its causes: `what: cause: cause`. */
export function describeError(error: unknown): string {
  const parts: string[] = []
  // Ten causes deep is more than any chain of ours: a cycle ends here.
  for (let at = error, depth = 0; at !== undefined && depth < 10; depth++) {
    parts.push(describeOne(at))
    at = at instanceof Error ? at.cause : undefined
  }
  return parts.join(': ')
}

/** The hint closest to the surface of an error and its causes, if one has any. */
export function hintOf(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 10; depth++) {
    if (at instanceof PurserError && at.hint !== undefined) return at.hint
    at = at.cause
  }
  return undefined
}

/** The status of the server's answer that an error or one of its causes is about, if there was one. */
export function statusOf(error: unknown): number | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 10; depth++) {
    if (at instanceof PurserError && at.status !== undefined) return at.status
    at = at.cause
  }
  return undefined
}

/** How long a server that an error or one of its causes is about wants to be left alone, if it said so. */
export function retryAfterMsOf(error: unknown): number | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 10; depth++) {
    if (at instanceof PurserError && at.retryAfterMs !== undefined) return at.retryAfterMs
    at = at.cause
  }
  return undefined
}

/** The code of Purser's own error, or `internal` for anybody else's. */
export function codeOf(error: unknown): ErrorCode {
  return error instanceof PurserError ? error.code : 'internal'
}

/** The code of an error of the operating system, of Node or of undici, such as `ENOENT`. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/**
 * Foreign messages may quote what they choked on: a parser its input, an SDK a response. A system
 * call's are written by the operating system and name no more than a path or an address.
 */
function describeOne(error: unknown): string {
  if (error instanceof PurserError) return error.message
  if (error instanceof Error) {
    const code = systemCode(error)
    if (code !== undefined && 'syscall' in error) return error.message
    return code ?? error.name
  }
  return 'unknown error'
}
