import type { Log } from '../observe/log.ts'
import type { Uid } from '../vault/privacy.ts'
import type { Store } from '../vault/store.ts'
import { openSealedLogins, type SealedLogins } from './sealed-logins.ts'

/** Where logins are kept, and by which clocks. */
export interface LoginsOptions {
  readonly store: Store
  /** Of those that are kept on this machine. */
  readonly directory: string
  readonly uid: Uid
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Milliseconds since the machine started, its sleep included. */
  readonly uptime: () => number
  readonly log: Log
}

/** Opens the logins that belong to a vault: on disk, and in the database that a fleet shares. */
export async function openLogins(
  options: LoginsOptions,
): Promise<SealedLogins & { close(): void }> {
  const { store, now, uptime } = options
  const { place } = store
  const keys = await store.keys()
  const database = await store.database()
  if (place.engine === 'sqlite' || database === undefined) {
    const vault = place.engine === 'sqlite' ? place.path : undefined
    return { ...openSealedLogins({ ...options, keys, vault }), close: () => undefined }
  }
  const { createLocks } = await import('../vault/postgres/locks.ts')
  const { createSlotTable } = await import('./slot-table.ts')
  const locks = createLocks(database)

  const sealed = openSealedLogins({
    ...options,
    keys,
    vault: undefined,
    fleet: (means) => createSlotTable({ ...means, database, locks, clock: { now, uptime } }),
  })
  return { ...sealed, close: locks.close }
}
