import type { Database, OwnConnection } from './database.ts'

/** Locks of the whole fleet, each of a number; one that is lost with its process is free at once. */
export interface Locks {
  /**
   * Takes a lock, without waiting.
   *
   * @returns how to let go of it; `undefined` if somebody has it
   * @throws `vault-failed` if nobody can be asked
   */
  take(id: bigint): Promise<(() => void) | undefined>
  close(): void
}

/** A connection without a lock is kept for so long: logins of a fleet end at about the same time. */
const IDLE_MS = 10_000

/** Makes locks on a connection of their own, which is there while they are held. */
export function createLocks(database: Pick<Database, 'connect'>): Locks {
  let connection: Promise<OwnConnection> | undefined
  const held = new Set<bigint>()
  let idle: NodeJS.Timeout | undefined

  function hangUp(): void {
    const last = connection
    connection = undefined
    clearTimeout(idle)
    void last?.then(
      (open) => open.end(),
      () => undefined,
    )
  }

  function connected(): Promise<OwnConnection> {
    clearTimeout(idle)
    if (connection !== undefined) return connection
    const mine: Promise<OwnConnection> = database.connect(() => {
      if (connection !== mine) return
      connection = undefined
      // The server has let go of them.
      held.clear()
    })
    connection = mine
    mine.catch(() => {
      if (connection === mine) connection = undefined
    })
    return mine
  }

  function rest(): void {
    if (held.size > 0) return
    clearTimeout(idle)
    idle = setTimeout(hangUp, IDLE_MS)
    idle.unref()
  }

  return {
    async take(id) {
      // Who asks for a lock of its own connection gets it again.
      if (held.has(id)) return undefined
      held.add(id)
      try {
        const open = await connected()
        const { rows } = await open.query('SELECT 1 WHERE pg_try_advisory_lock($1)', [id])
        if (rows.length === 0) {
          held.delete(id)
          rest()
          return undefined
        }
        return () => {
          held.delete(id)
          open.query('SELECT pg_advisory_unlock($1)', [id]).then(rest, hangUp)
        }
      } catch (error) {
        held.delete(id)
        throw error
      }
    },
    close: hangUp,
  }
}
