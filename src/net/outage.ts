import { createLru } from '../cache/lru.ts'
import { systemCode } from '../model/errors.ts'

/** Remembers who cannot be reached. */
export interface Outages {
  /**
   * Connects, unless it has just been found out that this leads nowhere: then that is told again at
   * once.
   */
  avoid<T>(origin: string, connect: () => Promise<T>): Promise<T>
}

/** What outages are remembered with. */
export interface OutagesOptions {
  /** Milliseconds since whenever. */
  readonly now: () => number
}

/** An operator has some dozens of registries, and their stores. */
const CAPACITY = 1_000
/** What is up again is tried within this. */
const MAX_MS = 5_000

/**
 * What says that nobody is there: by our own limit, or by the system. Not that a certificate is wrong,
 * or that a proxy will not: this is known at once, and may be mended at once.
 */
const NOBODY = new Set([
  ...['network', 'EAI_AGAIN', 'ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH'],
  ...['ENOTFOUND', 'ETIMEDOUT'],
])

interface Outage {
  readonly error: unknown
  readonly until: number
  /** Whether somebody is looking if it is over. */
  tried: boolean
}

/**
 * Makes a memory that knows of no outage.
 *
 * One is believed for as long as it took to find out: a host that does not answer costs the first who
 * asks ten seconds, and those behind him nothing; of one that refuses at once, next to nothing is
 * remembered. Then one connection goes ahead, and the others learn from it.
 */
export function createOutages({ now }: OutagesOptions): Outages {
  const outages = createLru<Outage>(CAPACITY)

  async function attempt<T>(origin: string, connect: () => Promise<T>): Promise<T> {
    const since = now()
    try {
      const connection = await connect()
      outages.delete(origin)
      return connection
    } catch (error) {
      const at = now()
      if (NOBODY.has(systemCode(error) ?? '')) {
        outages.set(origin, { error, until: at + Math.min(at - since, MAX_MS), tried: false })
      } else {
        outages.delete(origin)
      }
      throw error
    }
  }

  return {
    async avoid(origin, connect) {
      const outage = outages.get(origin)
      if (outage !== undefined) {
        if (outage.tried || now() < outage.until) throw outage.error
        outage.tried = true
      }
      return attempt(origin, connect)
    },
  }
}
