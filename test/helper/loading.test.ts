import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

interface Loaded {
  readonly packages: readonly string[]
  readonly builtins: readonly string[]
}

/** A home with a login for ghcr.io, and what a helper's question loads there. */
async function setUp() {
  const home = mkdtempSync(join(tmpdir(), 'loading-'))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  const env = { PURSER_HOME: home }

  async function start(program: string, args: readonly string[], input: string): Promise<Loaded> {
    const file = join(home, 'loaded.json')
    const script = join(import.meta.dirname, 'loading.ts')
    const child = spawn(process.execPath, [script, file, ...args], { argv0: program, env })
    child.stdin.end(input)
    const [status] = await once(child, 'close')
    expect(status).toBe(0)
    return JSON.parse(readFileSync(file, 'utf8'))
  }

  /** Has `purser serve` run until the test ends. */
  async function serve(): Promise<void> {
    const main = join(import.meta.dirname, '../../src/main.ts')
    const args = [main, 'serve', '--listen', '127.0.0.1:0']
    const child = spawn(process.execPath, args, { env })
    onTestFinished(async () => {
      child.kill('SIGKILL')
      await once(child, 'close')
    })
    await new Promise<void>((resolve) => {
      let said = ''
      child.stderr.on('data', (some) => {
        said += some
        if (said.includes('"proxy listening"')) resolve()
      })
    })
  }

  const login = ['login', 'ghcr.io', '--username', 'u', '--password-stdin']
  await start('purser', login, 'p')
  return { serve, get: () => start('docker-credential-purser', ['get'], 'ghcr.io') }
}

/** Each of these takes a tenth of a helper's start, or more. */
const SLOW = ['http', 'https', 'http2', 'tls', 'zlib', 'internal/deps/undici/undici']

test('an answer from the vault loads nothing that only servers and clouds need', async () => {
  const { get } = await setUp()
  const { packages, builtins } = await get()
  expect(builtins).toContain('sqlite')
  expect(packages.toSorted()).toEqual(['env-paths', 'is-safe-filename', 'valibot'])
  expect(builtins.filter((each) => SLOW.includes(each))).toEqual([])
})

test('an answer from the agent loads no vault either', async () => {
  const { get, serve } = await setUp()
  await serve()
  const { builtins } = await get()
  expect(builtins).toContain('net')
  expect(builtins.filter((each) => [...SLOW, 'sqlite'].includes(each))).toEqual([])
})
