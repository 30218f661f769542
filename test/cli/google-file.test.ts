import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Secret } from '../../src/model/secret.ts'
import { FILES, impersonated, PRIVATE_KEY } from '../cloud/google/machine.ts'
import { openCommandLine } from './command-line.ts'

const HOST = 'us-docker.pkg.dev'
const KEY = 'GOOGLE_APPLICATION_CREDENTIALS'

function fileOf(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'purser-google-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'key.json')
  writeFileSync(path, text)
  return path
}

describe('login with a credential file of Google’s', () => {
  const kinds: readonly [string, object][] = [
    ['gcp-service-account', FILES.serviceAccount],
    ['gcp-user', FILES.user],
    ['gcp-external', FILES.external],
    ['gcp-impersonated', impersonated(FILES.user)],
  ]
  test.each(kinds)('keeps what it holds, and not where it is: %s', async (kind, file) => {
    const json = JSON.stringify(file)
    const path = fileOf(json)
    for (const [way, args] of [
      [{ env: { [KEY]: path } }, ['--from-env', KEY]],
      [{ env: { [KEY]: json } }, ['--from-env', KEY]],
      [{}, ['--json', path]],
      [{ stdin: json }, ['--json', '-']],
    ] as const) {
      const line = await openCommandLine(way)
      expect(await line.run('login', HOST, ...args)).toEqual({
        code: 0,
        stdout: '',
        stderr: `purser: stored a ${kind} credential for ${HOST} in workspace default\n`,
      })
      const [entry] = await line.vault.list('default')
      expect(entry?.credential).toEqual({ kind, json: new Secret(json) })
    }
  })

  test('as the password of _json_key takes it as it is', async () => {
    const stdin = JSON.stringify(FILES.serviceAccount, null, 2)
    const line = await openCommandLine({ stdin })
    const args = ['--username', '_json_key', '--password-stdin']
    expect(await line.run('login', HOST, ...args)).toMatchObject({ code: 0 })
    const [entry] = await line.vault.list('default')
    expect(entry?.credential).toEqual({
      kind: 'basic',
      username: '_json_key',
      password: new Secret(stdin),
    })
  })

  test.each<[string, string, string]>([
    [
      'that would send it elsewhere',
      JSON.stringify({ ...FILES.serviceAccount, token_uri: 'https://evil.example/token' }),
      'token_uri "https://evil.example/token" is not one of Google\'s',
    ],
    [
      'that has no key',
      JSON.stringify({ ...FILES.serviceAccount, private_key: '' }),
      "not a credential file of Google's: private_key is missing, or not what Google writes there",
    ],
    [
      'that runs a program',
      JSON.stringify({ ...FILES.external, credential_source: { executable: { command: 'id' } } }),
      'credential_source.executable is not taken',
    ],
    [
      'of something else',
      `{"private_key":${JSON.stringify(PRIVATE_KEY)}}`,
      `--from-env is not enough: ${KEY} is no credential file of Google's`,
    ],
  ])('%s is refused, and nothing is stored', async (_name, text, message) => {
    const line = await openCommandLine({ env: { [KEY]: fileOf(text) } })
    const ended = await line.run('login', HOST, '--from-env', KEY)
    expect(ended.code).not.toBe(0)
    expect(ended.stderr).toContain(`purser: error: ${message}\n`)
    expect(ended.stderr).not.toContain('PRIVATE KEY')
    expect(await line.vault.list('default')).toEqual([])
  })

  test('that is not there is told of', async () => {
    const line = await openCommandLine({ env: { [KEY]: '/nowhere/key.json' } })
    const ended = await line.run('login', HOST, '--from-env', KEY)
    expect(ended.code).toBe(2)
    expect(ended.stderr).toContain(`--from-env: ${KEY}: cannot read the file`)
  })

  test('is for no other registry', async () => {
    const line = await openCommandLine({ env: { [KEY]: JSON.stringify(FILES.serviceAccount) } })
    const ended = await line.run('login', 'ghcr.io', '--from-env', KEY)
    expect(ended.stderr).toContain(`${KEY} cannot log in to GitHub`)
    expect(await line.vault.list('default')).toEqual([])
  })
})
