import { pino } from 'pino'
import type { Log, LogLevel } from './log.ts'

/** A log of one JSON object a line, with the time in UTC (RFC 3339). */
export function createJsonLog(level: LogLevel, write: (line: string) => void): Log {
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write },
  )
  return {
    error: (event, fields = {}) => logger.error(fields, event),
    warn: (event, fields = {}) => logger.warn(fields, event),
    info: (event, fields = {}) => logger.info(fields, event),
    debug: (event, fields = {}) => logger.debug(fields, event),
  }
}
