import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { runProgram } from '../../../src/cloud/aws/program.ts'
import { describeError } from '../../../src/model/errors.ts'
import { killGroup } from '../../sources/machine.ts'

const { signal } = new AbortController()
const NOW = Date.UTC(2026, 0, 1)
const ENV = { PATH: process.env['PATH'] }
const RUN = { profile: 'dev', env: ENV, now: () => NOW, signal, killGroup }
const WHAT = 'profile "dev": credential_process'

const print = (value: unknown) => `printf '%s' '${JSON.stringify(value)}'`
const KEYS = { Version: 1, AccessKeyId: 'AKIA', SecretAccessKey: 'secret' }

test.each([
  ['keys', KEYS, undefined],
  ['keys of a session', { ...KEYS, SessionToken: 't', Expiration: '2026-01-01T00:00:01Z' }, 't'],
])('a program that prints %s', async (_name, printed, token) => {
  const keys = await runProgram(print(printed), RUN)
  expect(keys.accessKeyId).toBe('AKIA')
  expect(keys.secretAccessKey.reveal()).toBe('secret')
  expect(keys.sessionToken?.reveal()).toBe(token)
})

test('a program gets no input, and what is set for Purser it does not see', async () => {
  const env = { ...RUN.env, PURSER_KEY: 'vault', OTHER: 'seen' }
  const command = `cat; test -z "$PURSER_KEY" && test "$OTHER" = seen && ${print(KEYS)}`
  await expect(runProgram(command, { ...RUN, env })).resolves.toBeDefined()
})

describe('a program that is of no use is told without what it printed', () => {
  test.each([
    ['fails', 'echo secret-key >&2; exit 7', 'ended with status 7'],
    ['is not there', '/nowhere/at-all', 'ended with status 127'],
    ['prints nothing', 'true', 'printed no JSON'],
    ['prints other things', 'echo secret-key', 'printed no JSON'],
    ['prints another version', print({ ...KEYS, Version: 2 }), 'printed no valid Version'],
    [
      'prints half of a pair',
      print({ Version: 1, AccessKeyId: 'x' }),
      'printed no valid SecretAccessKey',
    ],
    [
      'prints keys that have expired',
      print({ ...KEYS, Expiration: '2025-12-31T23:59:59Z' }),
      'printed keys that have expired',
    ],
    ['prints without end', 'yes secret-key', 'printed more than 64 KiB'],
    ['does not end', 'sleep 60', 'was still running after 0.2 s'],
  ])('%s', async (_name, command, why) => {
    const error = await runProgram(command, { ...RUN, timeoutMs: 200 }).catch((thrown) => thrown)
    const code = why.endsWith('expired') ? 'credential-expired' : 'exchange-failed'
    expect(error).toMatchObject({ code })
    expect(describeError(error)).toBe(`${WHAT} ${why}`)
  })
})

test('a caller that has gone waits for no program', async () => {
  const caller = new AbortController()
  const gone = new Error('gone')
  const answer = runProgram('sleep 60', { ...RUN, signal: caller.signal })
  caller.abort(gone)
  await expect(answer).rejects.toBe(gone)
})

test('a program that does not end is killed with all that it has started', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'purser-program-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const pids = join(folder, 'pids')
  const command = `sleep 60 & echo $! $$ > ${pids}; wait`
  const answer = runProgram(command, { ...RUN, timeoutMs: 500 })
  await expect(answer).rejects.toThrow('was still running after 0.5 s')
  for (const pid of readFileSync(pids, 'utf8').trim().split(' ').map(Number)) {
    // A killed process is gone when init has taken note of it.
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow('ESRCH'), 4_000)
  }
})

test('a program that is killed by a signal is told by it', async () => {
  const answer = runProgram('kill -TERM $$', RUN)
  await expect(answer).rejects.toThrow('ended with SIGTERM')
})
