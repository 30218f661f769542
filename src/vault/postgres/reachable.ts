import { faultOf, isUnreachable } from './fault.ts'

/** Remembers for a moment that a database does not answer, so that calls fail without a wait. */
export interface Reachable {
  /** Runs `work`, or throws at once if the database did not answer a moment ago. */
  guarded<T>(work: () => Promise<T>): Promise<T>
  /** Runs `work` in any case. */
  probe<T>(work: () => Promise<T>): Promise<T>
  /** Forgets that the database did not answer. */
  forgive(): void
  whenBack(heard: () => void): void
}

/**
 * How long calls fail at once after one has got no answer: a machine that is gone is silent, and each of
 * them would wait for its full timeout.
 */
const AWAY_MS = 1_000

/** Assumes that a database answers until a call fails. @param name - the vault's */
export function createReachable(name: string): Reachable {
  const listeners: (() => void)[] = []
  let away: { readonly error: unknown; readonly until: number } | undefined

  async function probe<T>(work: () => Promise<T>): Promise<T> {
    try {
      const result = await work()
      if (away !== undefined) {
        away = undefined
        for (const heard of listeners) heard()
      }
      return result
    } catch (error) {
      const fault = faultOf(name, error)
      if (isUnreachable(fault)) away = { error: fault, until: performance.now() + AWAY_MS }
      throw fault
    }
  }

  return {
    probe,
    async guarded(work) {
      if (away !== undefined && performance.now() < away.until) throw away.error
      return probe(work)
    },
    forgive() {
      away = undefined
    },
    whenBack(heard) {
      listeners.push(heard)
    },
  }
}
