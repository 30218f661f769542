import { pino } from 'pino'
import type { Log, LogLevel } from './log.ts'

/** A log whose lines wait for the work at hand. */
interface JsonLog extends Log {
  /** Writes what waits, as before the process ends. */
  flush(): void
}

/**
 * A log of one JSON object a line, with the time in UTC (RFC 3339).
 *
 * Lines are written when the work at hand is done, all that came meanwhile at once: a proxy under
 * load writes one for each of 20,000 requests a second.
 */
export function createJsonLog(level: LogLevel, write: (lines: string) => void): JsonLog {
  let waiting = ''
  const flush = () => {
    const lines = waiting
    waiting = ''
    if (lines !== '') write(lines)
  }
  const writeSoon = (line: string) => {
    if (waiting === '') setImmediate(flush)
    waiting += line
  }
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: writeSoon },
  )
  return {
    flush,
    error: (event, fields = {}) => logger.error(fields, event),
    warn: (event, fields = {}) => logger.warn(fields, event),
    info: (event, fields = {}) => logger.info(fields, event),
    debug: (event, fields = {}) => logger.debug(fields, event),
  }
}
