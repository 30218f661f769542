import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  globSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { testAuthority } from './certificates.ts'
import { listen, stop } from './http.ts'

/** Debian's, of whichever version. */
const BINARIES = globSync('/usr/lib/postgresql/*/bin').find((at) => existsSync(join(at, 'initdb')))

/** What a test of a fleet needs, as `describeWith` is told. */
export const POSTGRES = BINARIES === undefined ? ['postgresql'] : []

/** PostgreSQL itself, in a directory of its own. */
export interface PostgresServer {
  readonly port: number
  readonly directory: string
  readonly user: string
  readonly password: string
  /** Makes an empty database. @returns its name */
  createDatabase(): Promise<string>
  /** Asks as the administrator, in a database. */
  ask(database: string, sql: string): Promise<readonly Record<string, unknown>[]>
  /** Stops it: at once, as when its machine is lost, or having told its clients. */
  halt(how?: 'fast' | 'immediate'): void
  resume(): void
  /** Stops it and removes what it had. */
  close(): void
}

/** The server refuses to run as root: then it runs as nobody. */
const NOBODY = 65_534

/** Starts PostgreSQL with TLS and passwords, on a port of 127.0.0.1. */
export async function startPostgres(): Promise<PostgresServer> {
  const directory = mkdtempSync(join(tmpdir(), 'purser-postgres-'))
  const as = process.geteuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {}
  const data = join(directory, 'data')
  const [user, password] = ['purser', randomBytes(12).toString('hex')]
  const own = (path: string, mode: number) => {
    if (as.uid !== undefined) chownSync(path, as.uid, as.gid ?? NOBODY)
    chmodSync(path, mode)
  }
  const run = (program: string, ...args: readonly string[]) =>
    execFileSync(join(BINARIES ?? '', program), args, {
      ...as,
      cwd: directory,
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8' },
      stdio: 'ignore',
    })
  own(directory, 0o700)
  writeFileSync(join(directory, 'password'), password)
  own(join(directory, 'password'), 0o600)
  run(
    'initdb',
    ...['-D', data, '-U', user, '-A', 'scram-sha-256', '--pwfile', join(directory, 'password')],
    ...['-E', 'UTF8', '--no-sync'],
  )
  const certificate = testAuthority().certificateFor('localhost')
  for (const [from, to] of [
    [certificate.certFile, 'server.crt'],
    [certificate.keyFile, 'server.key'],
  ] as const) {
    cpSync(from, join(data, to))
    own(join(data, to), 0o600)
  }
  const port = await freePort()
  const settings = {
    ...{ port, listen_addresses: "'127.0.0.1'", unix_socket_directories: `'${directory}'` },
    ...{ ssl: 'on', fsync: 'off', shared_buffers: '16MB', max_connections: 60 },
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`)
  writeFileSync(join(data, 'postgresql.conf'), lines.join(''))

  const control = (...args: readonly string[]) => run('pg_ctl', '-D', data, '-w', ...args)
  const resume = () => control('-l', join(directory, 'log'), 'start')
  resume()
  const keeper = killWithProcess(join(data, 'postmaster.pid'))
  const ask: PostgresServer['ask'] = async (database, sql) => {
    const client = new pg.Client({ host: '127.0.0.1', port, user, password, database })
    await client.connect()
    try {
      return (await client.query(sql)).rows
    } finally {
      await client.end()
    }
  }
  let databases = 0
  return {
    ...{ port, directory, user, password, ask, resume },
    async createDatabase() {
      const name = `fleet_${++databases}`
      await ask('postgres', `CREATE DATABASE ${name}`)
      return name
    },
    halt: (how = 'fast') => void control('-m', how, 'stop'),
    close() {
      if (existsSync(join(data, 'postmaster.pid'))) control('-m', 'immediate', 'stop')
      keeper.kill()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  const port = await listen(server)
  await stop(server)
  return port
}

/** A test that is killed leaves no database behind: the shell's read ends with this process. */
function killWithProcess(pidFile: string) {
  const script = `read _; kill -QUIT "$(head -n1 '${pidFile}')" 2>/dev/null`
  const keeper = spawn('/bin/sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'] })
  keeper.unref()
  return keeper
}
