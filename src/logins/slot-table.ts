import * as v from 'valibot'
import type { SlotStore } from '../cache/cache.ts'
import type { Clock } from '../cache/lifetime.ts'
import { createLru } from '../cache/lru.ts'
import type { Login } from '../model/login.ts'
import type { Database } from '../vault/postgres/database.ts'
import type { Locks } from '../vault/postgres/locks.ts'
import { attached, detached } from './slot-clock.ts'
import type { SlotSealers } from './slot-sealer.ts'
import { decodeSlot, encodeSlot, type LoginSlot } from './slot-text.ts'

/** What a store in a database is made with. */
export interface SlotTableOptions {
  readonly database: Database
  readonly locks: Locks
  readonly sealers: SlotSealers
  readonly clock: Clock
  /** Called with why nothing can be kept, or read. */
  complain(error: unknown): void
}

/** Of a thousand machines that wait for one exchange, each asks ten times a second. */
const POLL_MS = 100

/** As many as a machine has files of; each is known by what was written last. */
const MAX_OWN = 1_000

/** No cloud's login lives for longer than 12 hours; to look costs a statement. */
const MAX_AGE = '1 day'
const SWEEP_INTERVAL_MS = 60 * 60_000

const row = v.object({
  sealed: v.instance(Uint8Array),
  written_ms: v.number(),
  now_ms: v.number(),
})

/** A clock that goes this much otherwise than the database's was set. */
const OFFSET_TOLERANCE_MS = 1_000

interface Own {
  readonly sealed: Uint8Array
  readonly slot: LoginSlot
}

/**
 * Makes a store of rows, each with a slot, for all machines of a fleet.
 *
 * Their clocks differ: so the times in a row count from when it was written, which the database's own
 * clock tells.
 */
export function createSlotTable(options: SlotTableOptions): SlotStore<Login | undefined> {
  const { database, locks, sealers, clock, complain } = options
  const own = createLru<Own>(MAX_OWN)
  /** What could not be written, and what it stands for; it is not lost while this process lives. */
  const unwritten = new Map<string, Own>()
  let offset: number | undefined
  let sweptAt = Number.NEGATIVE_INFINITY

  /**
   * What this machine's clock is ahead of the database's. It stays the same from one look to the next, so
   * that of two slots the one that was written later is the newer one, however close they are.
   */
  function offsetFrom(nowMs: number): number {
    const seen = clock.now() - nowMs
    if (offset === undefined || Math.abs(seen - offset) > OFFSET_TOLERANCE_MS) offset = seen
    return offset
  }

  async function attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work()
    } catch (error) {
      complain(error)
      return undefined
    }
  }

  /** It stays to be written until it is, or another one is. */
  async function putLate(name: string, mine: Own): Promise<void> {
    await attempt(async () => {
      await put(name, mine.sealed)
      if (unwritten.get(name) === mine) unwritten.delete(name)
    })
  }

  async function put(name: string, sealed: Uint8Array): Promise<void> {
    await database.query(
      `INSERT INTO purser.login (name, sealed, written_at) VALUES ($1, $2, clock_timestamp())
       ON CONFLICT (name) DO UPDATE SET
         sealed = excluded.sealed, written_at = excluded.written_at`,
      [Buffer.from(name, 'hex'), sealed],
    )
    const at = clock.now()
    if (Math.abs(at - sweptAt) < SWEEP_INTERVAL_MS) return
    sweptAt = at
    await database.query(
      `DELETE FROM purser.login WHERE written_at < clock_timestamp() - interval '${MAX_AGE}'`,
    )
  }

  database.whenBack(() => {
    for (const [name, mine] of [...unwritten]) void putLate(name, mine)
  })

  return {
    pollMs: POLL_MS,
    async read(key) {
      const sealer = sealers.current()
      if (sealer === undefined) return undefined
      const name = sealer.name(key)
      const found = await attempt(() =>
        database.query(
          `SELECT sealed,
             (extract(epoch FROM written_at) * 1000)::float8 AS written_ms,
             (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now_ms
           FROM purser.login WHERE name = $1`,
          [Buffer.from(name, 'hex')],
        ),
      )
      const parsed = v.safeParse(row, found?.rows[0])
      if (!parsed.success) return undefined
      const { sealed, written_ms: writtenMs, now_ms: nowMs } = parsed.output
      const last = own.get(name)
      if (last !== undefined && Buffer.compare(last.sealed, sealed) === 0) return last.slot
      const text = sealer.open(name, sealed)
      const slot = text === undefined ? undefined : decodeSlot(text)
      if (slot === undefined) return undefined
      const changedAt = writtenMs + offsetFrom(nowMs)
      return { ...attached(slot, Math.max(nowMs - writtenMs, 0), clock), changedAt }
    },
    async write(key, slot) {
      const sealer = sealers.now()
      if (sealer === undefined) return
      const name = sealer.name(key)
      const text = encodeSlot(detached(shared(slot), clock))
      const mine = { sealed: sealer.seal(name, text), slot }
      own.set(name, mine)
      if (unwritten.size < MAX_OWN) unwritten.set(name, mine)
      await putLate(name, mine)
    },
    async claim(key) {
      const name = sealers.current()?.name(key)
      if (name === undefined) return () => undefined
      try {
        return await locks.take(Buffer.from(name, 'hex').readBigInt64BE())
      } catch (error) {
        complain(error)
        // An exchange too many is better than no login.
        return () => undefined
      }
    },
  }
}

/**
 * What the fleet is told: not what one machine alone has met, whose way to the cloud may be broken. Neither
 * its pauses nor its tries are for all.
 */
function shared(slot: LoginSlot): LoginSlot {
  const { failure, exchanges } = slot
  if (failure?.code !== 'network' && failure?.code !== 'internal') return slot
  return { ...slot, failure: undefined, exchanges: exchanges.slice(0, -failure.count) }
}
