import { PurserError } from '../model/errors.ts'
import { LOG_LEVELS, type Log, type LogLevel, silentLog } from './log.ts'

/** Where a log is written, and what says how much. */
export interface LogSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  writeError(text: string): void
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/**
 * Opens the log that `PURSER_LOG` asks for, else the fallback's, else none.
 *
 * @param closers - takes what writes down the rest of it
 * @throws `config-invalid`
 */
export async function openLog(
  { env, writeError, now }: LogSurroundings,
  closers: (() => Promise<void>)[],
  fallback?: LogLevel,
): Promise<Log> {
  const named = env['PURSER_LOG'] || undefined
  const level = named === undefined ? fallback : LOG_LEVELS.find((each) => each === named)
  if (named !== undefined && level === undefined) {
    throw new PurserError('config-invalid', 'PURSER_LOG must be error, warn, info or debug')
  }
  if (level === undefined) return silentLog
  const { createJsonLog } = await import('./json-log.ts')
  const log = createJsonLog(level, { write: writeError, now })
  closers.push(async () => log.flush())
  return log
}
