import type { Family, Sample } from './family.ts'

/** A counter that costs an addition, for what is counted before anybody asks. */
export interface Tally {
  count(labels: Readonly<Record<string, string>>): void
  readonly family: Family
}

/** More than all combinations of labels that there are; what has others is not counted apart. */
const CAPACITY = 1_000

/** Makes a tally at zero. */
export function createTally(named: Pick<Family, 'name' | 'help' | 'labels'>): Tally {
  const counts = new Map<string, Sample>()
  return {
    count(labels) {
      const key = JSON.stringify(named.labels.map((name) => labels[name]))
      const known = counts.get(key)
      if (known === undefined && counts.size >= CAPACITY) return
      counts.set(key, { labels, value: (known?.value ?? 0) + 1 })
    },
    family: { ...named, kind: 'counter', samples: () => counts.values() },
  }
}
