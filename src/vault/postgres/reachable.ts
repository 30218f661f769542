import { faultOf, isUnreachable } from './fault.ts'

/** Whether a database answers, as those who ask it find out. */
export interface Reachable {
  /** Asks it, unless nobody was there a moment ago. @throws in Purser's words */
  guarded<T>(work: () => Promise<T>): Promise<T>
  /** Asks it in any case. */
  probe<T>(work: () => Promise<T>): Promise<T>
  /** Takes back what the last one found out. */
  forgive(): void
  whenBack(heard: () => void): void
}

/**
 * How long nobody else has to wait for what one has waited for in vain: a machine that is gone is silent,
 * and each question would take all of its time to say nothing.
 */
const AWAY_MS = 1_000

/** Keeps watch over a database. @param name - the vault's */
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
