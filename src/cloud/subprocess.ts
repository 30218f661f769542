import { spawn } from 'node:child_process'
import type { PurserError } from '../model/errors.ts'

/** Two keys and a token of 16 KiB, or a key file of 3 KiB, and room. */
const MAX_OUTPUT_BYTES = 64 * 1024
/** What it leaves running in the background may hold its output open for ever. */
const OUTPUT_GRACE_MS = 200

/** How another program is run. */
export interface SubprocessOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Default: the folder of this process. */
  readonly cwd?: string
  /** What it reads; one that waits for more gets none. Default: nothing. */
  readonly input?: string
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** Kills a process that leads a group, and its group. Default: what it has started lives on. */
  readonly killGroup?: ((pid: number) => void) | undefined
  /** Makes what is thrown, of why there is no output. */
  fail(why: string, details?: { readonly cause: unknown }): PurserError
}

/** How a program has ended, and what it printed. */
export interface SubprocessEnd {
  /** Its status, or the signal that killed it. */
  readonly status: number | string
  readonly output: string
}

/**
 * Runs a program to its end, bounded in time and in bytes.
 *
 * @param command - a path and its arguments; a text is a shell's to read
 * @throws what `fail` makes if it cannot be run, prints too much or does not end; the signal's reason
 */
export function runSubprocess(
  command: string | readonly [path: string, ...args: string[]],
  options: SubprocessOptions,
): Promise<SubprocessEnd> {
  const { input = '', timeoutMs, signal, killGroup, fail } = options
  signal.throwIfAborted()
  const child = start(command, options)
  const { promise, resolve, reject } = Promise.withResolvers<SubprocessEnd>()
  const stop = (reason: unknown) => {
    if (killGroup === undefined) child.kill('SIGKILL')
    else if (child.pid !== undefined) killGroup(child.pid)
    reject(reason)
  }
  const onAbort = () => stop(signal.reason)
  const late = () => stop(fail(`was still running after ${timeoutMs / 1000} s`))
  const timer = setTimeout(late, timeoutMs)
  signal.addEventListener('abort', onAbort, { once: true })
  child.once('error', (cause) => reject(fail('cannot be run', { cause })))
  const output = collect(child.stdout, () => stop(fail('printed more than 64 KiB')))
  // One that does not read its input is judged by what it prints.
  child.stdin.on('error', () => undefined).end(input)
  child.once('exit', (code, killedBy) => {
    clearTimeout(timer)
    const done = () => {
      clearTimeout(grace)
      resolve({ status: code ?? killedBy ?? 'no status', output: output() })
    }
    const grace = setTimeout(done, OUTPUT_GRACE_MS)
    child.once('close', done)
  })
  return promise.finally(() => {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
    child.stdout.destroy()
    child.stdin.destroy()
    child.unref()
  })
}

function start(
  command: string | readonly [path: string, ...args: string[]],
  { env, cwd, killGroup }: SubprocessOptions,
) {
  const [path, ...args] = typeof command === 'string' ? [command] : command
  return spawn(path, args, {
    env,
    cwd,
    shell: typeof command === 'string',
    // A group of its own, so that it can be killed with all that it has started.
    detached: killGroup !== undefined,
    stdio: ['pipe', 'pipe', 'ignore'],
    windowsHide: true,
  })
}

function collect(stdout: NodeJS.ReadableStream, full: () => void): () => string {
  const chunks: Buffer[] = []
  let size = 0
  stdout.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size <= MAX_OUTPUT_BYTES) chunks.push(chunk)
    else full()
  })
  return () => Buffer.concat(chunks).toString('utf8')
}
