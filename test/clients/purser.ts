import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Ended, run, runOk, startDaemon } from './child.ts'
import type { Auth, Upstream, Upstreams } from './registry.ts'
import type { Sandbox } from './sandbox.ts'

/** `purser serve`, and how clients name it. */
export interface Serving {
  /** `localhost:PORT` for every registry by path. */
  readonly host: string
  /** `localhost:PORT` for one registry alone. */
  hostOf(upstream: Upstream): string
  readonly log: () => string
}

/** Asks the helper as a client would. */
export function askHelper(sandbox: Sandbox, action: string, input: string): Promise<Ended> {
  return run('docker-credential-purser', [action], { env: sandbox.env, input })
}

/**
 * Puts the registries' logins into the vault, and starts the proxy and the agent on free ports,
 * until the sandbox is closed. A sandbox has one of these.
 *
 * @param deletable where clients may delete.
 */
export async function serve(
  sandbox: Sandbox,
  upstreams: Upstreams,
  deletable: readonly Auth[] = [],
): Promise<Serving> {
  const served = Object.values(upstreams)
  for (const upstream of served) await storeLogin(sandbox, upstream)
  const tables = served.map((upstream) => {
    const mayDelete = deletable.some((auth) => auth === upstream.auth)
    return table(upstream, mayDelete)
  })
  return serveConfig(sandbox, tables, served.length)
}

/**
 * Starts the proxy and the agent with these tables beside the proxy's address.
 *
 * @param ports how many of the upstreams have a port of their own
 */
export async function serveConfig(
  sandbox: Sandbox,
  tables: readonly string[],
  ports = 0,
): Promise<Serving> {
  const file = join(await sandbox.makeFolder('serve'), 'config.toml')
  await writeFile(file, ['[proxy]', 'listen = ["127.0.0.1:0"]', ...tables].join('\n'))
  const { value, output } = await startDaemon(
    sandbox.stack,
    ['purser', 'serve', '--config', file],
    // The most that it ever says: tests look for what must not be in it.
    { ...sandbox.env, PURSER_LOG: 'debug' },
    (said) => {
      const listening = readPorts(said)
      const ready = listening.size === ports + 1 && said.includes('agent listening')
      return ready ? listening : undefined
    },
  )
  const hostOf = (name: string) => `localhost:${value.get(name)}`
  return { host: hostOf(''), hostOf: ({ host }) => hostOf(host), log: output }
}

/** Puts the registry's login into the sandbox's vault. */
async function storeLogin(sandbox: Sandbox, upstream: Upstream): Promise<void> {
  await runOk('purser', ['login', upstream.host, '--username', upstream.user, '--password-stdin'], {
    env: sandbox.env,
    input: upstream.password,
  })
}

function table({ host, auth, tokens }: Upstream, deletable: boolean): string {
  return [
    '[[upstream]]',
    `host = ${JSON.stringify(host)}`,
    `alias = ${JSON.stringify(auth)}`,
    'listen = "127.0.0.1:0"',
    'tls = false',
    `actions = ${JSON.stringify(['pull', 'push', ...(deletable ? ['delete'] : [])])}`,
    `realms = ${JSON.stringify(tokens === undefined ? [] : [tokens.origin])}`,
    '',
  ].join('\n')
}

/** Ports by the registry that they stand for; the one for all of them under the empty name. */
function readPorts(log: string): ReadonlyMap<string, string> {
  const lines = log.split('\n').filter((line) => line.includes('proxy listening'))
  return new Map(
    lines.map((line) => [
      /"upstream":"([^"]+)"/.exec(line)?.[1] ?? '',
      /"address":"(?:tls:\/\/)?127\.0\.0\.1:(\d+)"/.exec(line)?.[1] ?? '',
    ]),
  )
}
