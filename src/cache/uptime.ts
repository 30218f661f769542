import { uptime } from 'node:os'

/** To ask for the uptime is to read a file: a cache that is asked 20,000 times a second does not. */
const HOLDS_MS = 100

/**
 * Makes a clock of milliseconds since the machine started, its sleep included, which nobody sets.
 *
 * @param ticks - milliseconds of a clock that is cheap, nobody sets either, and may stand still in sleep:
 * what it misses shows as two clocks that disagree
 */
export function createUptime(
  ticks: () => number = () => performance.now(),
  read: () => number = () => uptime() * 1000,
): () => number {
  let lookedAt = Number.NEGATIVE_INFINITY
  let known = 0
  return () => {
    const at = ticks()
    if (at - lookedAt >= HOLDS_MS) {
      lookedAt = at
      known = read()
    }
    return known
  }
}
