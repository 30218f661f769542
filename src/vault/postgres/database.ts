import type { Client, ClientConfig, Pool, PoolClient, QueryResult } from 'pg'
import { isCutOff } from './fault.ts'
import { createReachable } from './reachable.ts'

/** A connection that asks one thing after the other. */
export interface Connection {
  /** @returns the rows, unparsed; also how many were changed */
  query(sql: string, values?: readonly unknown[]): Promise<Answer>
}

/** What came of a statement. */
interface Answer {
  readonly rows: readonly unknown[]
  readonly changed: number
}

/** A PostgreSQL database, by a few connections that are made when they are needed. */
export interface Database extends Connection {
  /** As the configuration's reader knows it: without user and password. */
  readonly name: string
  /** Runs `work` in a transaction: what it did is durable on return, or undone if it throws. */
  transaction<T>(isolation: Isolation, work: (connection: Connection) => Promise<T>): Promise<T>
  /**
   * A connection of one's own; `ended` hears of its end, whoever ends it, once or more often.
   *
   * It is tried even if the database was away a moment ago: who comes so finds out that it is back.
   */
  connect(ended: () => void): Promise<OwnConnection>
  /** Calls `heard` each time that the database answers again after it did not. */
  whenBack(heard: () => void): void
  close(): Promise<void>
}

/** A connection that nobody else asks. */
export interface OwnConnection extends Connection {
  /** Calls `heard` with what is told on a channel from now on. */
  listen(channel: string, heard: (text: string) => void): Promise<void>
  end(): void
}

/** `repeatable read` sees one moment of the database. */
type Isolation = 'read committed' | 'repeatable read'

/** How to reach the database, for `pg`. */
export type Reach = Required<Pick<ClientConfig, 'host' | 'port' | 'user' | 'database' | 'ssl'>> & {
  /** Asked at each new connection, so that one that was changed is taken. */
  password(): Promise<string>
}

/** Of a process: an agent has one more, on which it listens. A server takes 100 by default. */
const MAX_CONNECTIONS = 3
/** A question comes with a client that waits; within a data centre a connection takes 20 ms. */
const CONNECT_TIMEOUT_MS = 5_000
/** Statements take a millisecond; only a copy or a rotation of a large vault takes seconds. */
const STATEMENT_TIMEOUT_MS = 5_000
/** What the server does not answer is given up a moment after it should have given up by itself. */
const QUERY_TIMEOUT_MS = STATEMENT_TIMEOUT_MS + 1_000
const IDLE_TIMEOUT_MS = 30_000

/** Opens a database; nothing is connected before it is asked. */
export async function openDatabase(name: string, reach: Reach): Promise<Database> {
  const pg = await import('pg')
  const config = configOf(reach)
  const pool: Pool = new pg.Pool({
    ...config,
    max: MAX_CONNECTIONS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    allowExitOnIdle: true,
  })
  // An idle connection that breaks is replaced by the next question: nobody else is to hear of it.
  pool.on('error', ignore)

  const reachable = createReachable(name)
  const { guarded } = reachable
  const asked = (client: Pick<Client | Pool, 'query'>): Connection['query'] => {
    return (sql, values = []) => guarded(async () => answerOf(await client.query(sql, [...values])))
  }
  const poolQuery = asked(pool)

  /** A connection that waited may have been ended meanwhile, which is no reason to fail. */
  async function again<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (!isCutOff(error)) throw error
      reachable.forgive()
      return work()
    }
  }

  async function begin(isolation: Isolation): Promise<PoolClient> {
    const client = await guarded(() => pool.connect())
    // Its end is told by whatever is asked next; unheard, it would end the process.
    client.on('error', ignore)
    try {
      await asked(client)(`BEGIN ISOLATION LEVEL ${isolation}`)
      return client
    } catch (error) {
      release(client, true)
      throw error
    }
  }

  return {
    name,
    query: (sql, values) => again(() => poolQuery(sql, values)),
    async transaction(isolation, work) {
      const client = await again(() => begin(isolation))
      const query = asked(client)
      let broken = false
      try {
        const result = await work({ query })
        await query('COMMIT')
        return result
      } catch (error) {
        broken = await client.query('ROLLBACK').then(
          () => false,
          () => true,
        )
        throw error
      } finally {
        release(client, broken)
      }
    },
    async connect(ended) {
      const client = new pg.Client(config)
      // A server that goes away says so some time before it hangs up.
      client.on('error', ended)
      client.once('end', ended)
      try {
        await reachable.probe(() => client.connect())
      } catch (error) {
        void client.end()
        throw error
      }
      return ownConnection(client, guarded)
    },
    whenBack: reachable.whenBack,
    close: () => pool.end(),
  }
}

function ignore(): void {}

function release(client: PoolClient, broken: boolean): void {
  client.removeListener('error', ignore)
  client.release(broken)
}

function configOf(reach: Reach): ClientConfig {
  return {
    ...reach,
    application_name: 'purser',
    // Every name is written in full, and what is not is the system's own: nobody's schema comes first.
    options: '-c search_path=pg_catalog',
    sslnegotiation: 'postgres',
    client_encoding: 'utf8',
    // What is not said here, the library takes from the environment.
    ...{ replication: 'false' },
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    lock_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    keepAlive: true,
  }
}

type Guard = <T>(work: () => Promise<T>) => Promise<T>

function ownConnection(client: Client, guarded: Guard): OwnConnection {
  // One after the other: the library takes no second question before it has answered the first.
  let last: Promise<unknown> = Promise.resolve()
  const query = (sql: string, values: readonly unknown[] = []): Promise<Answer> => {
    const asked = last.then(() =>
      guarded(async () => answerOf(await client.query(sql, [...values]))),
    )
    last = asked.catch(ignore)
    return asked
  }
  return {
    query,
    async listen(channel, heard) {
      client.on('notification', (message) => {
        if (message.channel === channel) heard(message.payload ?? '')
      })
      await query(`LISTEN ${channel}`)
    },
    end() {
      void client.end()
    },
  }
}

function answerOf({ rows, rowCount }: QueryResult): Answer {
  return { rows, changed: rowCount ?? 0 }
}
