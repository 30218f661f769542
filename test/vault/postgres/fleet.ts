import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { parseHost } from '../../../src/model/host.ts'
import type { Log } from '../../../src/observe/log.ts'
import { openKeySource } from '../../../src/vault/key-source.ts'
import { type Database, openDatabase } from '../../../src/vault/postgres/database.ts'
import { openPostgresVault } from '../../../src/vault/postgres/vault.ts'
import type { Vault } from '../../../src/vault/vault.ts'
import { type PostgresServer, startPostgres } from '../../fakes/postgres.ts'

const uid = process.geteuid?.()

/** Starts a server for all tests of a file. */
export function serverForFile(): () => PostgresServer {
  let server: PostgresServer | undefined
  beforeAll(async () => {
    server = await startPostgres()
  })
  afterAll(() => server?.close())
  return () => {
    if (server === undefined) throw new Error('the server has not been started')
    return server
  }
}

/** A database and a key, as the machines of one fleet have them; gone with the test. */
export interface Fleet {
  readonly server: PostgresServer
  readonly database: string
  readonly root: string
  readonly keyPath: string
  readonly said: readonly string[]
  /** What a machine of it opens. */
  open(options?: Partial<OpenOptions>): Promise<Vault>
  connect(): Promise<Database>
  ask(sql: string): Promise<readonly Record<string, unknown>[]>
}

interface OpenOptions {
  readonly now: () => number
  readonly stays: boolean
  readonly key: string
  readonly env: Readonly<Record<string, string>>
}

/** Makes a fleet of no machine. */
export async function fleetForTest(server: PostgresServer): Promise<Fleet> {
  const database = await server.createDatabase()
  const root = mkdtempSync(join(tmpdir(), 'purser-fleet-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  const keyPath = join(root, 'config', 'key')
  const said: string[] = []
  const say = (event: string, fields = {}) => said.push(`${event} ${JSON.stringify(fields)}`)
  const log: Log = { error: say, warn: say, info: say, debug: say }
  const connect = () => connectTo(server, database)
  return {
    ...{ server, database, root, keyPath, said, connect },
    async open(options = {}) {
      const { now = () => Date.UTC(2026, 0, 1), stays = false, env = {} } = options
      const keys = openKeySource(options.key ?? `file:${keyPath}`, { env, uid })
      const opened = await connect()
      const vault = openPostgresVault({ database: opened, keys, now, log, stays })
      onTestFinished(async () => {
        await vault.close()
        await opened.close()
      })
      return vault
    },
    ask: (sql) => server.ask(database, sql),
  }
}

/** The password of ghcr.io, as a vault has it now. */
export async function passwordIn(vault: Vault): Promise<string | undefined> {
  const [entry] = await vault.find('default', parseHost('ghcr.io'), undefined)
  return entry?.credential.kind === 'basic' ? entry.credential.password.reveal() : undefined
}

/** Asks again until it is so; what is told between processes takes a moment. */
export async function until(withinMs: number, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error('it never came true')
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** Opens a database without TLS, as on its own machine. */
export function connectTo(
  { port, user, password }: Pick<PostgresServer, 'port' | 'user' | 'password'>,
  database: string,
): Promise<Database> {
  return openDatabase(`postgres://127.0.0.1:${port}/${database}`, {
    ...{ host: '127.0.0.1', port, user, database, ssl: false },
    password: async () => password,
  })
}
