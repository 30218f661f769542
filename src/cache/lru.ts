/** A map that forgets what was unused for longest. */
export interface Lru<T> {
  get(key: string): T | undefined
  set(key: string, value: T): void
  delete(key: string): void
  /** The one unused for longest first; to look at them is no use of them. */
  values(): Iterable<T>
}

/** Makes an empty one, which holds `capacity` values at most. */
export function createLru<T>(capacity: number): Lru<T> {
  // Map keeps the order of insertion: the first is the one unused for longest.
  const entries = new Map<string, T>()
  // What is asked for a thousand times in a row is moved to the end once.
  let last: string | undefined
  return {
    get(key) {
      const value = entries.get(key)
      if (value === undefined || key === last) return value
      entries.delete(key)
      entries.set(key, value)
      last = key
      return value
    },
    set(key, value) {
      last = key
      entries.delete(key)
      entries.set(key, value)
      const [oldest] = entries.keys()
      if (entries.size > capacity && oldest !== undefined) entries.delete(oldest)
    },
    delete(key) {
      entries.delete(key)
    },
    values: () => entries.values(),
  }
}
