import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { type Environment, run, startDaemon } from '../clients/child.ts'

const MAIN = join(import.meta.dirname, '../../src/main.ts')

/** `purser serve` in a process and a home of its own, until the test ends. */
export interface Serving {
  readonly home: string
  readonly pid: number
  /** Its exit code. */
  readonly exited: Promise<number | null>
  /** `http://127.0.0.1:PORT` of the proxy's first listener that is no upstream's own. */
  readonly url: string
  /** The lines of its log. */
  log(): readonly Line[]
  /** Waits until it has logged an event more often than so many times. */
  heard(event: string, times?: number): Promise<Line>
  configure(...lines: readonly string[]): void
  /** Has it read what was configured. @returns what it said of that */
  reload(...lines: readonly string[]): Promise<Line>
}

type Line = Readonly<Record<string, unknown>>

interface ServeOptions {
  readonly env?: Environment
  readonly flags?: readonly string[]
  /** Of one that ran before. Default: a new one. */
  readonly home?: string
  /** Takes it down. Default: the end of the test. */
  readonly stack?: AsyncDisposableStack
}

/** Starts it with this configuration; `[proxy] listen` is a free port unless it says otherwise. */
export async function serve(
  config: readonly string[],
  { env = {}, flags = [], stack = stackOfTest(), ...given }: ServeOptions = {},
): Promise<Serving> {
  const home = given.home ?? (await mkdtemp(join(tmpdir(), 'purser-d-')))
  stack.defer(() => rm(home, { recursive: true, force: true }))
  const configure = (...lines: readonly string[]) =>
    writeFileSync(join(home, 'config.toml'), lines.join('\n'))
  configure(...config)
  const {
    output,
    exited,
    value: pid,
  } = await startDaemon(
    stack,
    [process.execPath, MAIN, 'serve', ...flags],
    { PURSER_HOME: home, PURSER_LOG: 'debug', PATH: '/usr/bin:/bin', ...env },
    async (said) => {
      if (!said.includes('any other registry with a credential')) return undefined
      const { stdout } = await purser(home, ['status', '--json'])
      return Number(/"pid": ?([0-9]+)/.exec(stdout)?.[1])
    },
  )
  const log = () => output().split('\n').flatMap(parse)
  const heard = async (event: string, times = 0) => {
    for (;;) {
      const found = log().filter(({ msg }) => msg === event)[times]
      if (found !== undefined) return found
      await delay(10)
    }
  }
  const shared = log().find(({ msg, upstream }) => msg === 'proxy listening' && !upstream)
  return {
    ...{ home, pid, exited, log, heard, configure, url: `http://${shared?.['address']}` },
    async reload(...lines) {
      const said = ({ msg }: Line) => String(msg).startsWith('configuration')
      const before = log().filter(said).length
      configure(...lines)
      process.kill(pid, 'SIGHUP')
      for (;;) {
        const line = log().filter(said)[before]
        if (line !== undefined) return line
        await delay(10)
      }
    },
  }
}

function stackOfTest(): AsyncDisposableStack {
  const stack = new AsyncDisposableStack()
  onTestFinished(() => stack.disposeAsync())
  return stack
}

/** Runs one of purser's own commands in a home. */
export function purser(home: string, args: readonly string[], input = '', more: Environment = {}) {
  const env = { PURSER_HOME: home, PATH: '/usr/bin:/bin', ...more }
  return run(process.execPath, [MAIN, ...args], { env, input })
}

function parse(line: string): readonly Line[] {
  return line.startsWith('{') ? [JSON.parse(line)] : []
}
