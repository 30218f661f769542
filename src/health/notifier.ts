import { type ChildProcess, spawn } from 'node:child_process'
import { describeError } from '../model/errors.ts'
import type { Log } from '../observe/log.ts'
import { type HealthEvent, subjectOf } from './event.ts'

/** Tells somebody of events, in their order for each entry. */
export interface Notifier {
  /** Returns at once. */
  tell(event: HealthEvent): void
  /** Ends what runs, and forgets what has not begun. */
  close(): Promise<void>
}

/** Which program is told, and how it is run. */
export interface NotifierOptions {
  /** The program and its arguments; no shell reads them. */
  readonly command: readonly [string, ...string[]]
  /** Of which the program gets no more than it needs to find its way. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: Log
  /** Kills a process and all that it has started. */
  killGroup(pid: number): void
  /** Default: 30 s. */
  readonly timeoutMs?: number
}

/** What a script is written with; anything else may be a secret, and a child's are for all to read. */
const PASSED_ON = ['PATH', 'HOME', 'USER', 'LANG', 'TZ', 'XDG_RUNTIME_DIR']

/** A mail or a message is on its way by then. */
const TIMEOUT_MS = 30_000
/** An outage changes every entry at once: a process each would be another outage. */
const AT_ONCE = 4
/** Each is below 4 KiB. */
const MAX_WAITING = 1_000
/** What it prints is for who looks for a fault in it. */
const MAX_OUTPUT_LENGTH = 2_000
/** What it leaves running in the background may hold its output open for ever. */
const OUTPUT_GRACE_MS = 200

/** Makes a notifier that runs a program for each event, with the event as JSON on its stdin. */
export function createNotifier(options: NotifierOptions): Notifier {
  const { command, env, log, killGroup, timeoutMs = TIMEOUT_MS } = options
  const passedOn = Object.fromEntries(
    PASSED_ON.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])),
  )
  const waiting: HealthEvent[] = []
  const running = new Map<string, Promise<void>>()
  const children = new Set<ChildProcess>()

  function startNext(): void {
    while (running.size < AT_ONCE) {
      // One at a time for each entry, so that none overtakes another.
      const at = waiting.findIndex((event) => !running.has(subjectOf(event)))
      const [event] = at === -1 ? [] : waiting.splice(at, 1)
      if (event === undefined) return
      const key = subjectOf(event)
      const run = runFor(event).finally(() => {
        running.delete(key)
        startNext()
      })
      running.set(key, run)
    }
  }

  async function runFor(event: HealthEvent): Promise<void> {
    const [program, ...args] = command
    const fields = { program, host: event.host, to: event.to }
    try {
      // A group of its own, so that it can be killed with all that it has started.
      const child = spawn(program, args, { env: passedOn, cwd: '/', detached: true, stdio: 'pipe' })
      const { code, output, late } = await within(child, `${JSON.stringify(event)}\n`)
      log.debug('on_change ended', { ...fields, code, output })
      const why = late ? `killed after ${timeoutMs / 1000} s` : `it ended with ${code}`
      if (late || code !== 0) log.error('on_change failed', { ...fields, error: why })
    } catch (error) {
      log.error('on_change failed', { ...fields, error: describeError(error) })
    }
  }

  /** Waits for its end, and sees to it that there is one. */
  async function within(child: ChildProcess, input: string) {
    children.add(child)
    let late = false
    const timer = setTimeout(() => {
      late = true
      kill(child)
    }, timeoutMs)
    try {
      const { code, output } = await ended(child, input)
      return { code, output, late }
    } finally {
      clearTimeout(timer)
      children.delete(child)
    }
  }

  function kill({ pid }: ChildProcess): void {
    if (pid !== undefined) killGroup(pid)
  }

  return {
    tell(event) {
      if (waiting.length >= MAX_WAITING) {
        log.error('on_change has too many events waiting, one is left out', { host: event.host })
        return
      }
      waiting.push(event)
      startNext()
    },
    async close() {
      waiting.length = 0
      for (const child of children) kill(child)
      await Promise.all(running.values())
    },
  }
}

/** @throws if it cannot be run */
function ended(
  child: ChildProcess,
  input: string,
): Promise<{ code: number | string; output: string }> {
  return new Promise((resolve, reject) => {
    let output = ''
    const collect = (chunk: Buffer) => {
      if (output.length < MAX_OUTPUT_LENGTH) output += chunk.toString('utf8')
    }
    child.stdout?.on('data', collect)
    child.stderr?.on('data', collect)
    // A program that does not read its input is judged by its exit code.
    child.stdin?.on('error', () => undefined).end(input)
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      const done = () => {
        clearTimeout(timer)
        child.stdout?.destroy()
        child.stderr?.destroy()
        resolve({
          code: code ?? signal ?? 'no exit code',
          output: output.slice(0, MAX_OUTPUT_LENGTH),
        })
      }
      const timer = setTimeout(done, OUTPUT_GRACE_MS)
      child.once('close', done)
    })
  })
}
