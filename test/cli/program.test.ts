import { describe, expect, test } from 'vitest'
import { defaultUpstream, type UpstreamConfig } from '../../src/config/config.ts'
import { PurserError } from '../../src/model/errors.ts'
import { parseHost } from '../../src/model/host.ts'
import { Secret } from '../../src/model/secret.ts'
import { AWS, openCommandLine } from './command-line.ts'

const ECR = '123456789012.dkr.ecr.us-east-1.amazonaws.com'
const LENIENT: UpstreamConfig = { ...defaultUpstream(parseHost(ECR)), onFault: 'anonymous' }
const MINTED = {
  username: 'AWS',
  secret: new Secret('canary'),
  expiresAt: new Date('2026-01-01T12:00:00Z'),
}

describe('help', () => {
  test.each([[['help']], [['-h']], [['--help']]])('%j', async (args) => {
    const ended = await (await openCommandLine()).run(...args)
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(ended.stdout).toContain('Usage: purser [options] [command]')
  })

  test.each([[['help', 'login']], [['login', '-h']]])('%j', async (args) => {
    const ended = await (await openCommandLine()).run(...args)
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(ended.stdout).toContain('Usage: purser login')
  })
})

describe('a workspace', () => {
  test.each(['get', 'explain', 'token'])('is a flag of %s', async (command) => {
    const line = await openCommandLine()
    const { stderr } = await line.run(command, 'quay.io/a/b', '--workspace', 'ml')
    expect(stderr).not.toContain('unknown option')
  })

  test('is not empty', async () => {
    const ended = await (await openCommandLine()).run('list', '--workspace', '')
    expect(ended).toEqual({
      code: 2,
      stdout: '',
      stderr:
        'purser: error: --workspace is empty\npurser: hint: leave it out for the default workspace\n',
    })
  })

  test('is part of the hint', async () => {
    const { stderr } = await (await openCommandLine()).run('get', 'quay.io', '--workspace', 'ml')
    expect(stderr).toContain('run: purser login quay.io --workspace ml\n')
  })
})

describe('misuse', () => {
  test.each([
    [['lgoin'], "unknown command 'lgoin'", 'did you mean login?'],
    [['frobnicate'], "unknown command 'frobnicate'", 'purser --help lists what there is'],
    [['list', '--jsn'], "unknown option '--jsn'", 'did you mean --json?'],
    [['list', '--all'], "unknown option '--all'", 'purser list --help lists what there is'],
    [['get'], "missing required argument 'image|host'", 'purser get --help lists what there is'],
    [['key', 'init', '-x'], "unknown option '-x'", 'purser key init --help lists what there is'],
    [['key', 'print'], "unknown command 'print'", 'purser key --help lists what there is'],
    [
      ['login', 'quay.io', 'u', 'canary'],
      "too many arguments for 'login'",
      'purser login --help lists what there is',
    ],
    [
      ['login', 'quay.io', '-p', 'canary'],
      "unknown option '-p'",
      'no secret is taken from the arguments: see --password-stdin',
    ],
    [
      ['login', 'quay.io', '--password=canary'],
      "unknown option '--password'",
      'no secret is taken from the arguments: see --password-stdin',
    ],
  ])('%j: what, and what to do', async (args, message, hint) => {
    expect(await (await openCommandLine()).run(...args)).toEqual({
      code: 2,
      stdout: '',
      stderr: `purser: error: ${message}\npurser: hint: ${hint}\n`,
    })
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
      onFault: 'fail',
    })
  })

  test('tells that it is excused', async () => {
    const refused = new PurserError('exchange-failed', 'the key was refused', { hint: 'renew it' })
    const line = await openCommandLine({ ecr: refused, upstreams: [LENIENT] })
    await line.vault.put(key, AWS)
    const ended = await line.run('explain', ECR)
    expect(ended.code).toBe(3)
    expect(ended.stdout).toMatch(/^login +cannot log in to .*: the key was refused$/m)
    expect(ended.stdout).toMatch(/^on_fault +anonymous: a login that cannot be used is done/m)
    expect(ended.stderr).toContain('the key was refused (renew it); going on without')
    const { stdout } = await line.run('explain', ECR, '--json')
    expect(JSON.parse(stdout)).toMatchObject({ login: null, onFault: 'anonymous' })
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

describe('on_fault = "anonymous"', () => {
  const key = { workspace: 'default', host: parseHost(ECR), prefix: '', name: 'default' }
  const why =
    `cannot log in to ${ECR}/app with entry default for ${ECR} of workspace default: ` +
    `the key was refused (renew it); going on without, as on_fault of ${ECR} says`
  const open = async (upstreams: readonly UpstreamConfig[]) => {
    const ecr = new PurserError('exchange-failed', 'the key was refused', { hint: 'renew it' })
    const line = await openCommandLine({ ecr, upstreams, header: 'Bearer nobodys' })
    await line.vault.put(key, AWS)
    return line
  }

  test('makes get a miss, and tells why', async () => {
    const line = await open([LENIENT])
    expect(await line.run('get', `${ECR}/app`)).toEqual({
      code: 3,
      stdout: '',
      stderr: [
        `purser: warning: ${why}`,
        `purser: error: no credential for ${ECR}/app in workspace default`,
        `purser: hint: if it is not public, run: purser login ${ECR}`,
        '',
      ].join('\n'),
    })
  })

  test('makes token ask as nobody, and tells why', async () => {
    const line = await open([LENIENT])
    expect(await line.run('token', `${ECR}/app`)).toEqual({
      code: 0,
      stdout: 'nobodys\n',
      stderr: `purser: warning: ${why}\n`,
    })
    expect(line.asked.authorize).toMatchObject([{ login: undefined }])
  })

  test.each(['get', 'token', 'explain'])('excuses nothing in %s to push', async (command) => {
    const line = await open([LENIENT])
    const { code, stderr } = await line.run(command, `${ECR}/app`, '--push')
    expect(code).toBe(1)
    expect(stderr).toMatch(/^purser: error: cannot log in to /)
  })

  test.each(['get', 'token'])('is not what holds by itself in %s', async (command) => {
    const line = await open([])
    const { code, stderr } = await line.run(command, `${ECR}/app`)
    expect(code).toBe(1)
    expect(stderr).toMatch(/^purser: error: cannot log in to .*\npurser: hint: renew it\n$/)
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
