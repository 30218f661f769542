import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Ended, type Environment, run, startDaemon } from '../clients/child.ts'

const DIST = join(import.meta.dirname, '../../dist')

export const BINARY = join(DIST, 'purser')

/** The binary as it is shipped, in a home of its own. */
export interface Shipped {
  /** Where a test's own files go. */
  readonly folder: string
  readonly home: string
  readonly stack: AsyncDisposableStack
  purser(args: readonly string[], input?: string, env?: Environment): Promise<Ended>
  helper(action: string, input: string, env?: Environment): Promise<Ended>
  /** Starts `purser serve`, with this configuration beside its address. */
  serve(config: readonly string[], env?: Environment): Promise<Serving>
}

export interface Serving {
  /** The port of the proxy. */
  readonly port: number
  readonly pid: number
  /** All that it has written so far. */
  readonly output: () => string
  /** Sends a request to the proxy. */
  get(path: string): Promise<Answer>
  /** Asks the agent how it is. */
  status(): Promise<Answer>
}

interface Answer {
  readonly status: number
  readonly body: string
}

export async function openShipped(): Promise<Shipped> {
  const stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'purser-b-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const home = join(folder, 'home')
  const usual = { PURSER_HOME: home, PATH: '/usr/bin:/bin' }
  const socket = join(home, 'agent.sock')
  return {
    folder,
    home,
    stack,
    purser: (args, input = '', env = {}) => run(BINARY, args, { env: { ...usual, ...env }, input }),
    helper: (action, input, env = {}) =>
      run(join(DIST, 'docker-credential-purser'), [action], { env: { ...usual, ...env }, input }),
    async serve(config, env = {}) {
      const file = join(folder, 'config.toml')
      await writeFile(file, ['[proxy]', 'listen = ["127.0.0.1:0"]', ...config].join('\n'))
      const { value: port, output } = await startDaemon(
        stack,
        [BINARY, 'serve', '--config', file],
        { ...usual, PURSER_LOG: 'debug', ...env },
        (said) => {
          const address = /"address":"127\.0\.0\.1:([0-9]+)"/.exec(said)
          const ready = said.includes('agent listening') && address !== null
          return ready ? Number(address[1]) : undefined
        },
      )
      const status = () => ask({ socketPath: socket, path: '/v1/status' })
      const get = (path: string) => ask({ host: '127.0.0.1', port, path })
      const pid = Number(/"pid":([0-9]+)/.exec((await status()).body)?.[1])
      return { port, pid, output, get, status }
    },
  }
}

interface Where {
  readonly host?: string
  readonly port?: number
  readonly socketPath?: string
  readonly path: string
}

function ask(where: Where): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ ...where, agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
    })
    asked.on('error', reject).end()
  })
}

/** The TCP ports on which a process listens, as the kernel tells. */
export function listeningPorts(pid: number): readonly number[] {
  const mine = new Set(
    readdirSync(`/proc/${pid}/fd`).map((fd) => readLink(`/proc/${pid}/fd/${fd}`)),
  )
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      // State 0A is LISTEN: https://docs.kernel.org/networking/proc_net_tcp.html
      .filter(([, , , state, , , , , , inode]) => state === '0A' && mine.has(`socket:[${inode}]`))
      .map(([, local = '']) => Number.parseInt(local.split(':')[1] ?? '', 16)),
  )
}

/** A descriptor may close while we look. */
function readLink(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
