import { describe, expect, test } from 'vitest'
import { parseHost } from '../../src/model/host.ts'
import { Secret } from '../../src/model/secret.ts'
import { AWS, openCommandLine } from './command-line.ts'

const ECR = '123456789012.dkr.ecr.us-east-1.amazonaws.com'

describe('login', () => {
  test.each([
    ['ghcr.io', 'GITHUB_USERNAME,GITHUB_TOKEN', 'a basic'],
    ['nvcr.io', 'NGC_API_KEY', 'a basic'],
    ['us-docker.pkg.dev', 'GCP_ACCESS_TOKEN', 'a gcp-token'],
    [ECR, 'AWS_ACCESS_KEY_ID,AWS_SECRET_ACCESS_KEY,AWS_REGION', 'an aws'],
  ])('from variables: %s, %s', async (host, keys, kind) => {
    const env = Object.fromEntries(keys.split(',').map((key) => [key, `canary-${key}`]))
    const line = await openCommandLine({ env: { ...env, AWS_REGION: 'us-east-1' } })
    expect(await line.run('login', host, '--from-env', keys)).toEqual({
      code: 0,
      stdout: '',
      stderr: `purser: stored ${kind} credential for ${host} in workspace default\n`,
    })
    const [entry] = await line.vault.list('default')
    expect(entry).toMatchObject({ host: { name: host }, prefix: '', name: 'default' })
    expect(entry?.credential.kind).toBe(kind.split(' ')[1])
  })

  test('a variable that is missing is named, and nothing is stored', async () => {
    const line = await openCommandLine({ env: { GITHUB_USERNAME: 'u', GITHUB_TOKEN: '' } })
    const ended = await line.run('login', 'ghcr.io', '--from-env', 'GITHUB_USERNAME,GITHUB_TOKEN')
    expect(ended.code).toBe(2)
    expect(ended.stderr).toBe('purser: error: --from-env: "GITHUB_TOKEN" is not set\n')
    expect(await line.vault.list('default')).toEqual([])
  })

  test('a key that the registry needs and nobody named is asked for', async () => {
    const line = await openCommandLine({ env: { AWS_ACCESS_KEY_ID: 'a' } })
    expect(await line.run('login', ECR, '--from-env', 'AWS_ACCESS_KEY_ID')).toEqual({
      code: 2,
      stdout: '',
      stderr:
        'purser: error: --from-env is not enough: AWS_SECRET_ACCESS_KEY not found or empty\n' +
        'purser: hint: name that key in --from-env too\n',
    })
    expect(await line.vault.list('default')).toEqual([])
  })

  test.each([
    [
      'the structured form',
      '{"registry":"ghcr.io","type":"token","credentials":{"GITHUB_USERNAME":"u","GITHUB_TOKEN":"p"}}',
    ],
    ['keys', '{"USERNAME":"u","PASSWORD":"p"}\n'],
    ['a user and a password', 'u:p'],
  ])('from stdin: %s', async (_name, stdin) => {
    const line = await openCommandLine({ stdin })
    const ended = await line.run('login', 'ghcr.io/acme', '--json', '-', '--name', 'ci')
    expect(ended).toMatchObject({ code: 0, stdout: '' })
    const [entry] = await line.vault.list('default')
    expect(entry).toMatchObject({ prefix: 'acme', name: 'ci' })
    expect(entry?.credential).toEqual({ kind: 'basic', username: 'u', password: new Secret('p') })
  })

  test("another registry's credential is refused", async () => {
    const line = await openCommandLine({
      stdin: '{"registry":"ghcr.io","credentials":{"USERNAME":"u","PASSWORD":"canary"}}',
    })
    const ended = await line.run('login', 'quay.io', '--json', '-')
    expect(ended.code).toBe(2)
    expect(ended.stderr).toContain('is for "ghcr.io", not quay.io')
    expect(ended.stderr).not.toContain('canary')
    expect(await line.vault.list('default')).toEqual([])
  })

  test('an identity token is one', async () => {
    const line = await openCommandLine({ stdin: 'rt\n' })
    await line.run('login', 'quay.io', '--username', '<token>', '--password-stdin')
    const [entry] = await line.vault.list('default')
    expect(entry?.credential).toEqual({ kind: 'identity-token', token: new Secret('rt') })
  })

  test('of the end of a line, one is left out', async () => {
    const line = await openCommandLine({ stdin: ' p \r\n\r\n' })
    await line.run('login', 'quay.io', '--username', 'u', '--password-stdin')
    const [entry] = await line.vault.list('default')
    expect(entry?.credential).toMatchObject({ password: new Secret(' p \r\n') })
  })

  test.each([
    ['a password', ['--username', 'u', '--password-stdin']],
    ['a file', ['--json', '-']],
  ])('waits no longer for %s when it is told to stop, and says nothing', async (_name, flags) => {
    const stop = new AbortController()
    const line = await openCommandLine({ signal: stop.signal })
    const running = line.run('login', 'quay.io', ...flags)
    stop.abort('SIGINT')
    expect(await running).toEqual({ code: 1, stdout: '', stderr: '' })
    expect(await line.vault.list('default')).toEqual([])
  })

  test('asks at a terminal', async () => {
    const line = await openCommandLine({
      terminal: true,
      stdin: 'canary\r',
      env: { NO_COLOR: '1' },
    })
    const ended = await line.run('login', 'quay.io', '--username', 'u')
    expect(ended.stderr).toBe(
      'Password: \npurser: stored a basic credential for quay.io in workspace default\n',
    )
    const [entry] = await line.vault.list('default')
    expect(entry?.credential).toMatchObject({ password: new Secret('canary') })
  })
})

test.each(['acme/app', 'ghcr'])(
  'no login to %s, which no client takes for a host',
  async (text) => {
    const line = await openCommandLine({ stdin: 'p' })
    const ended = await line.run('login', text, '--username', 'u', '--password-stdin')
    expect(ended).toMatchObject({ code: 2, stdout: '' })
    expect(ended.stderr).toContain(`write docker.io/${text} if it is on Docker Hub`)
    expect(await line.vault.list('default')).toEqual([])
  },
)

describe('logout', () => {
  async function twoLogins() {
    const line = await openCommandLine({ stdin: 'p' })
    for (const name of ['ci', 'default']) {
      const key = { workspace: 'default', host: parseHost('quay.io'), prefix: '', name }
      await line.vault.put(key, AWS)
    }
    return line
  }

  test('removes all entries of a place', async () => {
    const line = await twoLogins()
    const { stderr } = await line.run('logout', 'quay.io')
    expect(stderr).toBe('purser: removed 2 entries for quay.io from workspace default\n')
    expect(await line.vault.list('default')).toEqual([])
  })

  test('removes the entry of a name alone', async () => {
    const line = await twoLogins()
    const { stderr } = await line.run('logout', 'quay.io', '--name', 'ci')
    expect(stderr).toBe('purser: removed the entry for quay.io from workspace default\n')
    expect(await line.vault.list('default')).toMatchObject([{ name: 'default' }])
  })
})
