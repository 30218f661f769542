import { describe, expect, test } from 'vitest'
import { parseHost } from '../../src/model/host.ts'
import { Secret } from '../../src/model/secret.ts'
import { BASIC, fakeRegistry, upstreamAt } from '../proxy/harness.ts'
import { type CommandLineOptions, openCommandLine } from './command-line.ts'

/** Two registries: one that takes the entry's password, one that does not. */
async function withEntries(options: CommandLineOptions = {}) {
  const good = (await fakeRegistry({ auth: BASIC })).host
  const bad = (await fakeRegistry({ auth: BASIC })).host
  const line = await openCommandLine({ upstreams: [upstreamAt(good), upstreamAt(bad)], ...options })
  await put(good, '', 'correct-horse')
  await put(bad, 'acme', 'canary')

  function put(host: string, prefix: string, password: string): Promise<void> {
    const credential = { kind: 'basic', username: 'ann', password: new Secret(password) } as const
    const key = { workspace: 'default', host: parseHost(host), prefix, name: 'default' }
    return line.vault.put(key, credential)
  }
  return { good, bad, line, put }
}

describe('check', () => {
  test('tells of each entry, and that some are not valid', async () => {
    const { good, bad, line } = await withEntries()
    const ended = await line.run('check')
    expect(ended.code).toBe(1)
    expect(ended.stderr).toBe('purser: error: 1 of 2 entries is not valid\n')
    const lines = ended.stdout.split('\n')
    expect(lines[0]).toMatch(/^REGISTRY +NAME +STATE +EXPIRES +REASON$/)
    expect(ended.stdout).toMatch(new RegExp(`^${good} +default +valid +${good} took ann$`, 'm'))
    expect(ended.stdout).toMatch(
      new RegExp(
        `^${bad}/acme +default +refused +GET "http://${bad}/v2/": status 401 \\(log in anew: purser login ${bad}/acme\\)$`,
        'm',
      ),
    )
    expect(ended.stdout).not.toContain('canary')
  })

  test('as JSON', async () => {
    const { good, bad, line } = await withEntries()
    const { code, stdout } = await line.run('check', '--json', good, bad)
    expect(code).toBe(1)
    const common = {
      workspace: 'default',
      name: 'default',
      source: 'vault',
      kind: 'basic',
      expiresAt: null,
      checkedAt: '2026-01-01T00:00:00.000Z',
    }
    expect(JSON.parse(stdout)).toEqual([
      {
        ...common,
        host: good,
        prefix: '',
        state: 'valid',
        reason: `${good} took ann`,
        hint: null,
        status: null,
      },
      {
        ...common,
        host: bad,
        prefix: 'acme',
        state: 'refused',
        reason: `GET "http://${bad}/v2/": status 401`,
        hint: `log in anew: purser login ${bad}/acme`,
        status: 401,
      },
    ])
  })

  test('of what is named: the entry, those below, or the one that answers for it', async () => {
    const { good, bad, line, put } = await withEntries()
    await put(good, 'acme/app', 'correct-horse')
    const checked = async (...places: readonly string[]) => {
      const { stdout } = await line.run('check', '--json', ...places)
      const rows: readonly { host: string; prefix: string }[] = JSON.parse(stdout)
      return rows.map(({ host, prefix }) => `${host}/${prefix}`)
    }
    expect(await checked(good)).toEqual([`${good}/`, `${good}/acme/app`])
    expect(await checked(`${good}/acme`)).toEqual([`${good}/acme/app`])
    expect(await checked(`${good}/acme/app/deep`)).toEqual([`${good}/acme/app`])
    expect(await checked(`${good}/other`)).toEqual([`${good}/`])
    expect(await checked(`${bad}/acme`, bad)).toEqual([`${bad}/acme`])
  })

  test('succeeds if all are valid', async () => {
    const { good, line } = await withEntries()
    expect(await line.run('check', good)).toMatchObject({ code: 0, stderr: '' })
  })

  test.each([
    [['nowhere.example'], 3, 'no entry for nowhere.example in workspace default'],
    [['--workspace', 'ml'], 3, 'no entries in workspace ml'],
    [['https://ghcr.io'], 2, 'as HOST[/PREFIX]'],
    [['--timeout', '0'], 2, '--timeout is in seconds, from 1 to 600'],
    [['--timeout', 'soon'], 2, '--timeout is in seconds, from 1 to 600'],
  ])('%j: %d', async (args, code, message) => {
    const { line } = await withEntries()
    const ended = await line.run('check', ...args)
    expect(ended).toMatchObject({ code, stdout: '' })
    expect(ended.stderr).toContain(message)
  })
})

describe('login --check', () => {
  async function login(password: string, up = true) {
    const host = up ? (await fakeRegistry({ auth: BASIC })).host : 'localhost:1'
    const line = await openCommandLine({ upstreams: [upstreamAt(host)], stdin: password })
    const args = ['--username', 'ann', '--password-stdin', '--check']
    const ended = await line.run('login', host, ...args)
    return { host, ended, stored: (await line.vault.list('default')).length }
  }

  test('stores what the registry takes', async () => {
    const { ended, stored } = await login('correct-horse')
    expect(ended.code).toBe(0)
    expect(stored).toBe(1)
  })

  test('does not store what the registry refuses', async () => {
    const { host, ended, stored } = await login('canary')
    expect(ended.code).toBe(4)
    expect(ended.stderr).toBe(
      `purser: error: not stored, for it is refused: GET "http://${host}/v2/": status 401\n` +
        'purser: hint: see whether it is the one you mean\n',
    )
    expect(stored).toBe(0)
  })

  test('does not store what nobody could try', async () => {
    const { ended, stored } = await login('correct-horse', false)
    expect(ended.code).toBe(1)
    expect(ended.stderr).toContain('not stored, for it is unreachable')
    expect(ended.stderr).toContain(
      'hint: see whether it runs, and on that port; or store it untried: leave out --check',
    )
    expect(stored).toBe(0)
  })
})
