import { type ChildProcess, spawn } from 'node:child_process'
import { basename } from 'node:path'
import { PurserError } from '../../model/errors.ts'
import { quote } from '../../model/host.ts'

/** A program to run, and the surroundings it runs in. */
export interface Call {
  readonly program: string
  readonly args: readonly string[]
  /** By what name the program is called, where that makes a difference to it. */
  readonly name?: string
  readonly env: Readonly<Record<string, string>>
  readonly input?: string | Buffer
  readonly signal: AbortSignal
}

/** A program that runs until it is stopped. */
export interface Running {
  /** What the first line of its log that matches has in its first group. */
  readonly announced: string
  /** Ends it, with the signal that it is given time to obey. */
  stop(): Promise<void>
}

/** No step of the demo takes two seconds; a machine may be ten times as slow. */
const TIMEOUT_MS = 20_000
/** A digest, a login or a version; a program that talks more is cut short. */
const MAX_OUTPUT_BYTES = 256 * 1024

/**
 * Runs a program to its end.
 *
 * @returns what it wrote to stdout
 * @throws `internal` if it cannot be started, fails, or takes too long
 */
export async function run(call: Call): Promise<string> {
  const child = start(call, AbortSignal.any([call.signal, AbortSignal.timeout(TIMEOUT_MS)]))
  const out = collect(child.stdout)
  const talk = collect(child.stderr)
  // A program that ends without reading its input is judged by its exit code.
  child.stdin?.on('error', () => undefined).end(call.input)
  const code = await ended(child, call)
  if (code === 0) return out().trim()
  throw failure(call, lastLine(talk()) ?? `it ended with ${code}`)
}

/**
 * Starts a program that runs until it is stopped, and waits for its announcement.
 *
 * @throws `internal` if it ends before it has announced itself.
 */
export function runUntilStopped(call: Call, announcement: RegExp): Promise<Running> {
  const child = start(call, undefined)
  child.stdin?.end()
  child.stdout?.resume()
  const talk = collect(child.stderr)
  const end = ended(child, call)
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
    await end.finally(() => clearTimeout(timer)).catch(() => undefined)
  }
  return new Promise((resolve, reject) => {
    const giveUp = (why: string) => {
      clearTimeout(timer)
      void stop()
      reject(failure(call, why))
    }
    const timer = setTimeout(() => giveUp('it did not start in time'), TIMEOUT_MS)
    child.stderr?.on('data', () => {
      const announced = announcement.exec(talk())?.[1]
      if (announced === undefined) return
      clearTimeout(timer)
      resolve({ announced, stop })
    })
    call.signal.addEventListener('abort', () => giveUp('it was interrupted'), { once: true })
    end.then(() => giveUp(lastLine(talk()) ?? 'it ended too soon'), reject)
  })
}

function start({ program, args, name, env }: Call, signal: AbortSignal | undefined): ChildProcess {
  return spawn(program, args, {
    env,
    ...(name !== undefined && { argv0: name }),
    ...(signal !== undefined && { signal }),
    // Ctrl-C goes to all of a terminal's foreground group: children are ended by their parent alone.
    detached: true,
    stdio: 'pipe',
  })
}

function ended(child: ChildProcess, call: Call): Promise<number | string> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(failure(call, 'it could not be run to its end', error)))
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'no exit code'))
  })
}

/** Keeps what a stream brings, up to a bound. */
function collect(stream: NodeJS.ReadableStream | null): () => string {
  let text = ''
  stream?.on('data', (chunk: Buffer) => {
    if (text.length < MAX_OUTPUT_BYTES) text += chunk.toString()
  })
  return () => text
}

function lastLine(text: string): string | undefined {
  const line = text.trim().split('\n').at(-1)
  return line === undefined || line === '' ? undefined : quote(line)
}

function failure({ program, name, args }: Call, why: string, cause?: unknown): PurserError {
  const what = `${name ?? basename(program)} ${args.find((arg) => !arg.startsWith('-')) ?? ''}`
  return new PurserError('internal', `cannot run ${what.trim()}: ${why}`, { cause })
}
