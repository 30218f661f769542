import { describeError } from '../../model/errors.ts'
import type { Log } from '../../observe/log.ts'
import type { Database, OwnConnection } from './database.ts'
import { CHANNEL, readRevision } from './record-table.ts'

/** Hears of every change of a vault, on a connection of its own. */
export interface Watch {
  /** What changes whenever the vault may have; `undefined` while nobody would hear of it. */
  mark(): string | undefined
  /** Takes in what this process has just written. */
  wrote(revision: bigint): void
  close(): void
}

/** What a watch is made with. */
export interface WatchOptions {
  readonly database: Database
  readonly log: Log
  /** Called after each time that the database is there again. */
  readonly back?: () => void
}

/** A connection that has died without a word is noticed after twice this. */
const HEARTBEAT_MS = 5_000
/** A database that starts anew takes a second or two; a fleet must not all come at once. */
const FIRST_PAUSE_MS = 100
const MAX_PAUSE_MS = 5_000

/** Begins to listen, and listens again whenever the connection is lost. */
export function startWatch({ database, log, back }: WatchOptions): Watch {
  let connection: OwnConnection | undefined
  let timer: NodeJS.Timeout | undefined
  let closed = false
  let listening = false
  let told = false
  let failures = 0
  // Of each connection another: what was missed between two is not known.
  let generation = 0
  // Counted, because whoever may connect can tell any revision: one that was, or one to come.
  let changes = 0
  let seen: string | undefined
  let own: string | undefined

  function changedTo(revision: string): void {
    changes++
    seen = revision
  }

  function see(revision: bigint | undefined): void {
    if (seen !== String(revision)) changedTo(String(revision))
  }

  function later(ms: number, work: () => Promise<void>): void {
    if (closed) return
    timer = setTimeout(() => void work(), ms)
    timer.unref()
  }

  function lost(error?: unknown): void {
    listening = false
    connection?.end()
    connection = undefined
    clearTimeout(timer)
    if (closed) return
    if (!told) {
      const why = error === undefined ? {} : { error: describeError(error) }
      log.warn('the vault cannot be reached: what is known of it goes on', {
        vault: database.name,
        ...why,
      })
    }
    told = true
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** failures, MAX_PAUSE_MS)
    failures = Math.min(failures + 1, 10)
    later(pauseMs * (0.5 + Math.random() / 2), begin)
  }

  async function begin(): Promise<void> {
    let mine: OwnConnection | undefined
    try {
      mine = await database.connect(() => {
        if (mine !== undefined && mine === connection) lost()
      })
      if (closed) return mine.end()
      connection = mine
      await mine.listen(CHANNEL, (text) => {
        if (text !== own) changedTo(text)
      })
      // After LISTEN: a change in between is heard of, or read.
      see(await readRevision(mine))
      if (connection !== mine) return
      generation++
      listening = true
      failures = 0
      if (told) log.info('the vault can be reached again', { vault: database.name })
      told = false
      later(HEARTBEAT_MS, beat)
      back?.()
    } catch (error) {
      if (connection === mine) lost(error)
    }
  }

  async function beat(): Promise<void> {
    const mine = connection
    if (mine === undefined) return
    try {
      see(await readRevision(mine))
      if (connection === mine) later(HEARTBEAT_MS, beat)
    } catch (error) {
      if (connection === mine) lost(error)
    }
  }

  void begin()
  return {
    mark: () => (listening ? `${generation} ${changes}` : undefined),
    wrote(revision) {
      own = String(revision)
      changedTo(own)
    },
    close() {
      closed = true
      clearTimeout(timer)
      connection?.end()
    },
  }
}
