/** Values that may stand in a log line; a `Secret` prints as `[secret]` wherever it gets. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>

/** Talk, one event a call. Never a secret, a query string or a body. */
export interface Log {
  error(event: string, fields?: LogFields): void
  warn(event: string, fields?: LogFields): void
  info(event: string, fields?: LogFields): void
  debug(event: string, fields?: LogFields): void
}

/** The levels of talk, gravest first: each one says what those before it say as well. */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const
/** How much is said. */
export type LogLevel = (typeof LOG_LEVELS)[number]

/** Says nothing: what a helper's client would show its user is an answer, not talk. */
export const silentLog: Log = { error() {}, warn() {}, info() {}, debug() {} }
