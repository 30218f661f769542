import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { Secret } from '../../src/model/secret.ts'
import { createJsonLog } from '../../src/observe/json-log.ts'
import type { LogFields, LogLevel } from '../../src/observe/log.ts'

const AT = Date.UTC(2026, 0, 2, 3, 4, 5, 678)

function logTo(level: LogLevel) {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const writes: string[] = []
  return {
    writes,
    log: createJsonLog(level, { write: (lines) => writes.push(lines), now: () => AT }),
  }
}

describe('a log', () => {
  it('is a JSON object a line, with level, time, event and fields', () => {
    const { log, writes } = logTo('info')
    log.info('proxy listening', { address: '127.0.0.1:5000' })
    vi.runAllTimers()
    expect(writes).toHaveLength(1)
    expect(writes[0]).toMatch(/^\{.*\}\n$/)
    expect(JSON.parse(writes[0] ?? '')).toEqual({
      level: 'info',
      time: '2026-01-02T03:04:05.678Z',
      address: '127.0.0.1:5000',
      msg: 'proxy listening',
    })
  })

  it('writes all lines of a moment at once, in order', () => {
    const { log, writes } = logTo('debug')
    log.debug('a')
    log.error('b')
    expect(writes).toEqual([])
    vi.runAllTimers()
    expect(writes).toHaveLength(1)
    const events = writes
      .join('')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).msg)
    expect(events).toEqual(['a', 'b'])
    log.warn('c')
    vi.runAllTimers()
    expect(writes).toHaveLength(2)
  })

  it.each([
    ['error', ['error']],
    ['warn', ['error', 'warn']],
    ['info', ['error', 'warn', 'info']],
    ['debug', ['error', 'warn', 'info', 'debug']],
  ] as const)('at %s says %j', (level, said) => {
    const { log, writes } = logTo(level)
    for (const each of ['error', 'warn', 'info', 'debug'] as const) log[each](each)
    vi.runAllTimers()
    const events = writes
      .join('')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).msg)
    expect(events).toEqual(said)
  })

  it('shows no secret that gets into it, whatever the types say', () => {
    const { log, writes } = logTo('info')
    const fields: unknown = { login: { secret: new Secret('hunter2') }, secret: new Secret('x7') }
    log.info('slip', fields as LogFields)
    vi.runAllTimers()
    expect(writes.join('')).not.toMatch(/hunter2|x7/)
    expect(writes.join('')).toContain('[secret]')
  })
})
