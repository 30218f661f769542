import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'

/** Environment for a program: exactly this, nothing inherited. */
export type Environment = Readonly<Record<string, string>>

/** Where a program runs. */
export interface Surroundings {
  readonly env: Environment
  /** A file that it finds as `/etc/hosts`. */
  readonly hosts?: string
}

/** What a program that ended has said. */
export interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Clients take 2 s at most; less than a test's 30 s, so that the client is named and ended. */
const RUN_TIMEOUT_MS = 25_000

/** How long a daemon may take until it is ready; dockerd is the slowest, at about 1 s when idle. */
const READY_TIMEOUT_MS = 30_000

/** Runs a program to its end. @throws if it cannot be started or outlives its time. */
export function run(
  program: string,
  args: readonly string[],
  { env, hosts, input = '' }: Surroundings & { readonly input?: string },
): Promise<Ended> {
  const command = hosts === undefined ? [program, ...args] : withHosts(hosts, [program, ...args])
  const child = spawnTied(command, env)
  const stdout = collect(child.stdout)
  const stderr = collect(child.stderr)
  // A program that ends without reading its input must not fail the test with EPIPE.
  child.stdin?.on('error', () => undefined)
  child.stdin?.end(input)
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(
        new Error(`${program} ${args[0] ?? ''} took over ${RUN_TIMEOUT_MS} ms: ${tail(stderr())}`),
      )
    }, RUN_TIMEOUT_MS)
    child.once('error', reject)
    child.once('close', (status) => {
      clearTimeout(timer)
      resolve({ status, stdout: stdout(), stderr: stderr() })
    })
  })
}

/** Like {@link run}, for a program that has to succeed. @returns its stdout. */
export async function runOk(
  program: string,
  args: readonly string[],
  options: Surroundings & { readonly input?: string },
): Promise<string> {
  const ended = await run(program, args, options)
  if (ended.status !== 0) {
    throw new Error(
      `${program} ${args.join(' ')}: exit ${ended.status}: ${tail(ended.stdout + ended.stderr)}`,
    )
  }
  return ended.stdout
}

/** A program in the background. */
export interface Daemon {
  /** All that it has written so far, to stdout and stderr. */
  readonly output: () => string
  /** Its exit code, once it has ended by itself. */
  readonly exited: Promise<number | null>
}

/**
 * Starts a program that stays, and waits until `ready` has an answer.
 *
 * @param stack takes the program down when disposed of, and waits until every process of it is gone.
 * @param ready is asked with the output so far, again and again, until it gives a value.
 */
export async function startDaemon<T>(
  stack: AsyncDisposableStack,
  command: readonly [string, ...string[]],
  env: Environment,
  ready: (output: string) => T | undefined | Promise<T | undefined>,
): Promise<Daemon & { readonly value: T }> {
  const [program] = command
  const child = spawnTied(command, env)
  child.stdin?.end()
  const stdout = collect(child.stdout)
  const stderr = collect(child.stderr)
  const output = () => stdout() + stderr()
  const exited = new Promise<number | null>((resolve) => {
    child.once('close', resolve)
    child.once('error', () => resolve(null))
  })
  stack.defer(async () => {
    child.kill('SIGKILL')
    await exited
  })
  const deadline = Date.now() + READY_TIMEOUT_MS
  while (Date.now() < deadline && child.exitCode === null && child.signalCode === null) {
    const value = await ready(output())
    if (value !== undefined) return { output, exited, value }
    await delay(20)
  }
  throw new Error(`${program} is not ready: ${tail(output())}`)
}

/** What follows dies with us, whatever ends us: a killed test run leaves no daemon behind. */
const [TIE, ...TIE_ARGS] = ['setpriv', '--pdeathsig', 'KILL', '--'] as const

function spawnTied(command: readonly string[], env: Environment): ChildProcess {
  return spawn(TIE, [...TIE_ARGS, ...command], { env })
}

function collect(stream: ChildProcess['stdout']): () => string {
  const chunks: Buffer[] = []
  stream?.on('data', (chunk: Buffer) => chunks.push(chunk))
  return () => Buffer.concat(chunks).toString('utf8')
}

/** The last lines say what went wrong: a daemon logs far more, and a crash prints every stack. */
function tail(output: string): string {
  return output.slice(-2_000)
}

/**
 * Puts a daemon and all its descendants where they end with it, and its mounts as well.
 *
 * @param hosts a file that they find as `/etc/hosts`
 */
export function inOwnNamespaces(command: readonly string[], hosts?: string): [string, ...string[]] {
  const inner = hosts === undefined ? command : mountHosts(hosts, command)
  return ['unshare', '--mount', '--pid', '--fork', '--kill-child=SIGKILL', '--', ...inner]
}

/** The machine's own file stays as it is for everybody else. */
function withHosts(hosts: string, command: readonly string[]): readonly string[] {
  return ['unshare', '--mount', '--', ...mountHosts(hosts, command)]
}

function mountHosts(hosts: string, command: readonly string[]): readonly string[] {
  const script = 'mount --bind "$0" /etc/hosts && exec "$@"'
  return ['sh', '-c', script, hosts, ...command]
}
