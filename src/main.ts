import { readSync, writeSync } from 'node:fs'
import { basename } from 'node:path'
import { isSea } from 'node:sea'
import type { Runtime } from './app.ts'
import { systemCode } from './model/errors.ts'

/** Made by the build; a checkout that runs from source has none. */
declare const PURSER_VERSION: string | undefined

const HELPER_NAME = 'docker-credential-purser'

/**
 * Variables that change what Node prints, writes, checks or connects to, however a program is
 * built. Deleting one is too late, since Node has read it by then: the program starts anew.
 *
 * NODE_EXTRA_CA_CERTS and NODE_USE_SYSTEM_CA are not among them: companies set these everywhere, and
 * every connection of ours names its roots itself.
 */
const NODE_VARIABLES = [
  'NODE_COMPILE_CACHE',
  'NODE_DEBUG',
  'NODE_DEBUG_NATIVE',
  'NODE_TLS_REJECT_UNAUTHORIZED',
  'NODE_USE_ENV_PROXY',
  'NODE_V8_COVERAGE',
]

/** `docker-credential-purser`, by whatever path; an interpreter is told apart by its script. */
function isHelper(): boolean {
  return [process.argv0, process.argv[1] ?? ''].some((name) => basename(name) === HELPER_NAME)
}

function restartWithout(names: readonly string[]): void {
  const env = { ...process.env }
  for (const name of names) delete env[name]
  process.execve?.(process.execPath, [process.argv0, ...process.argv.slice(2)], env)
}

/** Writes all of it before the process ends; a reader that has gone away wants no more. */
function write(fd: 1 | 2, text: string): void {
  let rest = Buffer.from(text)
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest))
    } catch (error) {
      const code = systemCode(error)
      if (code === 'EPIPE') return
      if (code !== 'EAGAIN') throw error
      // A pipe that is full and does not block: give its reader a moment.
      pause()
    }
  }
}

/**
 * Standard input, read as it comes: `process.stdin` is a stream, for which Node loads a tenth of a
 * helper's start-up more.
 */
function* readInput(): Generator<Uint8Array> {
  for (;;) {
    const chunk = Buffer.alloc(64 * 1024)
    const size = readChunk(chunk)
    if (size === 0) return
    yield chunk.subarray(0, size)
  }
}

function readChunk(chunk: Buffer): number {
  for (;;) {
    try {
      return readSync(0, chunk)
    } catch (error) {
      const code = systemCode(error)
      // Windows tells the end of a pipe so.
      if (code === 'EOF') return 0
      if (code !== 'EAGAIN') throw error
      // Another process has made our end of the pipe one that does not block.
      pause()
    }
  }
}

/** A log on a disk that is full must not end the server, and there is nobody else to tell. */
function writeTalk(text: string): void {
  try {
    write(2, text)
  } catch {
    // The next line may find room again.
  }
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    // It has ended by itself.
    if (systemCode(error) !== 'ESRCH') throw error
  }
}

/** The exit code that a shell reports for a program ended by a signal. */
const SIGNAL_EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/** What the program is told from outside while it runs. */
type Signals = Pick<Runtime, 'signal' | 'hurry' | 'onHangup' | 'passSignals'>

/** A helper ends with its client: signals do to it what they do to any program. */
const NO_SIGNALS: Signals = {
  signal: new AbortController().signal,
  hurry: new AbortController().signal,
  onHangup() {},
  passSignals() {},
}

/** Who has been told twice has this long to put things away. */
const HURRY_MS = 1_000

/** Aborts when the program is told to stop; it then has the exit code that says so. */
function listenForSignals(): Signals {
  const [stop, hurry] = [new AbortController(), new AbortController()]
  let reload: (() => void) | undefined
  let pass: ((name: NodeJS.Signals) => void) | undefined
  const end = (name: keyof typeof SIGNAL_EXIT_CODES) => {
    if (pass !== undefined) return pass(name)
    process.exitCode = SIGNAL_EXIT_CODES[name]
    if (!stop.signal.aborted) return stop.abort(name)
    hurry.abort(name)
    setTimeout(() => process.exit(), HURRY_MS).unref()
  }
  process.on('SIGINT', end).on('SIGTERM', end)
  process.on('SIGHUP', () => {
    if (reload === undefined) end('SIGHUP')
    else reload()
  })
  return {
    signal: stop.signal,
    hurry: hurry.signal,
    onHangup(listener) {
      reload = listener
    },
    passSignals(listener) {
      pass = listener
    },
  }
}

function createRuntime(signals: Signals): Runtime {
  return {
    version: typeof PURSER_VERSION === 'string' ? PURSER_VERSION : '0.0.0-dev',
    args: process.argv.slice(2),
    // How to start this very program again, whether it is a binary or a script.
    command: isSea()
      ? [process.execPath]
      : [process.execPath, ...process.execArgv, process.argv[1] ?? ''],
    env: process.env,
    uid: process.geteuid?.(),
    pid: process.pid,
    readInput,
    stdin: () => process.stdin,
    stdinIsTerminal: () => process.stdin.isTTY === true,
    stdoutIsTerminal: () => process.stdout.isTTY === true,
    stderrIsTerminal: () => process.stderr.isTTY === true,
    writeOut: (text) => write(1, text),
    writeError: writeTalk,
    killGroup,
    now: Date.now,
    ...signals,
  }
}

async function main(): Promise<void> {
  const unwelcome = NODE_VARIABLES.filter((name) => process.env[name] !== undefined)
  if (isSea() && unwelcome.length > 0) restartWithout(unwelcome)
  // All is written and closed: to take the heap down piece by piece would take another 2 ms.
  if (isHelper()) process.exit(await helper())
  const code = await cli()
  // A signal that came meanwhile has set its own.
  process.exitCode ??= code
}

async function helper(): Promise<number> {
  const { runHelperDoor } = await import('./doors/helper.ts')
  return runHelperDoor(createRuntime(NO_SIGNALS))
}

async function cli(): Promise<number> {
  const { runCliDoor } = await import('./doors/cli.ts')
  return runCliDoor(createRuntime(listenForSignals()))
}

/** An error that nobody caught: its message may quote anything, so only its kind is told. */
process.on('uncaughtException', (error: unknown) => {
  const kind = error instanceof Error ? error.name : 'unknown'
  writeTalk(`purser: error: internal error (${kind}); please report it\n`)
  process.exit(1)
})

void main()
