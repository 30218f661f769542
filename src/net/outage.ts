import { createLru } from '../cache/lru.ts'
import { systemCode } from '../model/errors.ts'

/** Remembers which origins could not be reached. */
export interface Outages {
  /**
   * Connects to `origin`, or throws the last attempt's error at once if that failed a moment ago.
   */
  avoid<T>(origin: string, connect: () => Promise<T>): Promise<T>
}

/** The clock that outages are remembered by. */
export interface OutagesOptions {
  /** Milliseconds, from any start: only differences count. */
  readonly now: () => number
}

/** An operator has some dozens of registries, and their stores. */
const CAPACITY = 1_000
/** The longest that an outage is believed: an origin that is up again is tried within this. */
const MAX_MS = 5_000

/**
 * Codes of an origin that does not answer, by our own time limit or by the system. A wrong certificate
 * or a proxy's refusal is not among them: it costs no wait, and may be mended at any moment.
 */
const NOBODY = new Set([
  ...['network', 'EAI_AGAIN', 'ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH'],
  ...['ENOTFOUND', 'ETIMEDOUT'],
])

interface Outage {
  readonly error: unknown
  readonly until: number
  /** Whether a connection is under way that finds out if it is over. */
  tried: boolean
}

/**
 * Makes a memory of outages, empty at first.
 *
 * An outage is believed for as long as it took to notice: a host that does not answer costs the first
 * request ten seconds and the next ones nothing, while one that refuses at once may be tried again at
 * once. Afterwards one connection goes ahead, and the others wait for what it finds.
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
