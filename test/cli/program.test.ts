import { describe, expect, test } from 'vitest'
import { PurserError } from '../../src/model/errors.ts'
import { parseHost } from '../../src/model/host.ts'
import { Secret } from '../../src/model/secret.ts'
import { AWS, openCommandLine } from './command-line.ts'

const ECR = '123456789012.dkr.ecr.us-east-1.amazonaws.com'
const MINTED = {
  username: 'AWS',
  secret: new Secret('canary'),
  expiresAt: new Date('2026-01-01T12:00:00Z'),
}

describe('login', () => {
  test.each([
    ['ghcr.io', 'GITHUB_USERNAME,GITHUB_TOKEN', 'basic'],
    ['nvcr.io', 'NGC_API_KEY', 'basic'],
    ['us-docker.pkg.dev', 'GCP_ACCESS_TOKEN', 'gcp-token'],
    [ECR, 'AWS_ACCESS_KEY_ID,AWS_SECRET_ACCESS_KEY,AWS_REGION', 'aws'],
  ])('from variables: %s, %s', async (host, keys, kind) => {
    const env = Object.fromEntries(keys.split(',').map((key) => [key, `canary-${key}`]))
    const line = await openCommandLine({ env: { ...env, AWS_REGION: 'us-east-1' } })
    expect(await line.run('login', host, '--from-env', keys)).toEqual({
      code: 0,
      stdout: '',
      stderr: `purser: stored a ${kind} credential for ${host} in workspace default\n`,
    })
    const [entry] = await line.vault.list('default')
    expect(entry).toMatchObject({ host: { name: host }, prefix: '', name: 'default' })
    expect(entry?.credential.kind).toBe(kind)
  })

  test('a variable that is missing is named, and nothing is stored', async () => {
    const line = await openCommandLine({ env: { GITHUB_USERNAME: 'u', GITHUB_TOKEN: '' } })
    const ended = await line.run('login', 'ghcr.io', '--from-env', 'GITHUB_USERNAME,GITHUB_TOKEN')
    expect(ended.code).toBe(2)
    expect(ended.stderr).toBe('purser: error: --from-env: "GITHUB_TOKEN" is not set\n')
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

test('get shows a secret whole or not at all', async () => {
  const line = await openCommandLine({ stdin: '{\n"type": "service_account"\n}' })
  await line.run('login', 'us-docker.pkg.dev', '--username', '_json_key', '--password-stdin')
  const { stdout } = await line.run('get', 'us-docker.pkg.dev')
  expect(stdout).toMatch(/^secret +\(has several lines: ask with --json\)$/m)
  const { secret } = JSON.parse((await line.run('get', 'us-docker.pkg.dev', '--json')).stdout)
  expect(secret).toBe('{\n"type": "service_account"\n}')
})

describe('token', () => {
  test('is what the registry takes for the repository', async () => {
    const line = await openCommandLine({ header: 'Bearer canary' })
    expect(await line.run('token', 'alpine', '--push')).toEqual({
      code: 0,
      stdout: 'canary\n',
      stderr: '',
    })
    const target = { repository: 'library/alpine', action: 'push', host: { name: 'docker.io' } }
    expect(line.asked.authorize).toMatchObject([{ target, login: undefined }])
  })

  test('as a header', async () => {
    const line = await openCommandLine({ header: 'Basic dTpw' })
    const ended = await line.run('token', 'alpine', '--header')
    expect(ended.stdout).toBe('Authorization: Basic dTpw\n')
  })

  test.each([
    [
      'a registry that takes passwords',
      'Basic dTpw',
      'quay.io/a/b',
      3,
      'takes a user name and password',
    ],
    ['a registry that takes nothing', undefined, 'quay.io/a/b', 3, 'is open: it takes no token'],
    ['a registry as such', 'Bearer t', 'quay.io', 2, 'tokens are for images'],
  ])('not for %s', async (_name, header, image, code, message) => {
    const line = await openCommandLine(header === undefined ? {} : { header })
    const ended = await line.run('token', image)
    expect(ended).toMatchObject({ code, stdout: '' })
    expect(ended.stderr).toContain(message)
  })
})

describe('explain', () => {
  const key = { workspace: 'default', host: parseHost(ECR), prefix: '', name: 'default' }

  test('tells of an exchange, and until when', async () => {
    const line = await openCommandLine({ ecr: MINTED })
    await line.vault.put(key, AWS)
    const ended = await line.run('explain', ECR)
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(ended.stdout).toBe(
      [
        `${ECR}, to pull, in workspace default`,
        '',
        `vault     found entry default for ${ECR} of workspace default, of kind aws`,
        '',
        'registry  ecr',
        'login     AWS, exchanged for this registry, until 2026-01-01T12:00:00.000Z',
        '',
      ].join('\n'),
    )
  })

  test('tells why an exchange failed', async () => {
    const refused = new PurserError('exchange-failed', 'the key was refused', { hint: 'renew it' })
    const line = await openCommandLine({ ecr: refused })
    await line.vault.put(key, AWS)
    const ended = await line.run('explain', ECR)
    expect(ended.code).toBe(1)
    expect(ended.stdout).toContain('login     cannot log in to')
    expect(ended.stderr).toContain('the key was refused\npurser: hint: renew it\n')
    const { stdout } = await line.run('explain', ECR, '--json')
    expect(JSON.parse(stdout)).toEqual({
      target: { workspace: 'default', host: ECR, repository: null, action: 'pull' },
      registry: 'ecr',
      sources: [
        {
          source: 'vault',
          outcome: 'found',
          from: `entry default for ${ECR} of workspace default`,
          kind: 'aws',
        },
      ],
      login: null,
      error: `cannot log in to ${ECR} with entry default for ${ECR} of workspace default: the key was refused`,
    })
  })

  test('tells of a fault, and asks nobody after it', async () => {
    const fault = new PurserError('request-invalid', 'cannot read image_credentials')
    const broken = { name: 'request.image_credentials', find: () => Promise.reject(fault) }
    const line = await openCommandLine({ sources: [broken] })
    const ended = await line.run('explain', 'ghcr.io')
    expect(ended.code).toBe(1)
    expect(ended.stdout).toMatch(/^request.image_credentials +fault: cannot read/m)
    expect(ended.stdout).toMatch(/^vault +not asked$/m)
  })
})

test('serve gets its flags', async () => {
  const line = await openCommandLine()
  const args = ['--listen', '127.0.0.1:1', '--listen', '[::1]:2', '--config', 'c', '--request', '-']
  expect(await line.run('serve', ...args)).toEqual({ code: 0, stdout: '', stderr: '' })
  await line.run('serve')
  expect(line.asked.serve).toEqual([
    { listen: ['127.0.0.1:1', '[::1]:2'], config: 'c', request: '-' },
    { listen: [] },
  ])
})

describe('an error', () => {
  test('has colour on a terminal', async () => {
    const line = await openCommandLine({ terminal: true })
    const { stderr } = await line.run('get', 'ghcr.io')
    expect(stderr).toContain('purser: \u001b[31merror:\u001b[39m no credential for ghcr.io')
  })

  test('has none where none is wanted', async () => {
    const line = await openCommandLine({ terminal: true, env: { NO_COLOR: '1' } })
    expect((await line.run('get', 'ghcr.io')).stderr).toContain('purser: error: no credential')
  })

  test('cannot command the terminal', async () => {
    const line = await openCommandLine()
    const { stderr } = await line.run('get', 'ghcr.io\u001b[2J/x')
    expect(stderr).not.toContain('\u001b')
  })

  test.each([
    ['agent-unreachable', 5],
    ['upstream-refused', 4],
    ['not-found', 3],
    ['usage', 2],
    ['vault-corrupt', 1],
  ] as const)('of code %s ends with %d', async (code, exitCode) => {
    const error = new PurserError(code, 'what: cause')
    const line = await openCommandLine({
      sources: [{ name: 's', find: () => Promise.reject(error) }],
    })
    expect(await line.run('get', 'ghcr.io')).toEqual({
      code: exitCode,
      stdout: '',
      stderr: 'purser: error: what: cause\n',
    })
  })
})
