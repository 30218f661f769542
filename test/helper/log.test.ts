import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { sandbox } from '../vault/sandbox.ts'

const HELPER = join(import.meta.dirname, '../../src/main.ts')

function get(level: string) {
  const { path } = sandbox()
  return spawnSync(process.execPath, ['--no-warnings', HELPER, 'get'], {
    argv0: 'docker-credential-purser',
    input: 'ghcr.io',
    encoding: 'utf8',
    env: { PURSER_HOME: join(path, '..'), PURSER_LOG: level },
  })
}

test('a helper tells on stderr what it was asked, and its client no more than before', () => {
  const { status, stdout, stderr } = get('debug')
  expect({ status, stdout }).toEqual({
    status: 1,
    stdout: 'credentials not found in native keychain\n',
  })
  const lines = stderr.trimEnd().split('\n')
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { level: 'debug', msg: 'login', target: 'ghcr.io', workspace: 'default', source: 'none' },
  ])
})

test('a level that there is not is an answer like any other', () => {
  expect(get('loud')).toMatchObject({
    status: 1,
    stdout: 'PURSER_LOG must be error, warn, info or debug\n',
    stderr: '',
  })
})
