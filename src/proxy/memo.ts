/** Answers remembered for a moment, so that a question repeated thousands of times is a look-up. */
export interface Memo<T> {
  /** What is remembered, at once; else what `produce` makes, the same for all who wait for it. */
  get(key: string, produce: () => Promise<T>): T | Promise<T>
  /** Forgets the answer, if it is still this one. */
  drop(key: string, value: T): void
}

export interface MemoOptions {
  readonly now: () => number
  /** How long an answer may be older than what it was made from. */
  readonly ttlMs: number
  readonly capacity: number
}

interface Slot<T> {
  readonly value: T
  readonly at: number
}

/** Makes a memo; it keeps no failures. */
export function createMemo<T>({ now, ttlMs, capacity }: MemoOptions): Memo<T> {
  const slots = new Map<string, Slot<T>>()
  const pending = new Map<string, Promise<T>>()

  async function ask(key: string, produce: () => Promise<T>): Promise<T> {
    try {
      const value = await produce()
      slots.delete(key)
      slots.set(key, { value, at: now() })
      if (slots.size > capacity) evict()
      return value
    } finally {
      pending.delete(key)
    }
  }

  /** Map keeps the order of insertion: the first is the oldest. */
  function evict(): void {
    for (const key of slots.keys()) {
      slots.delete(key)
      return
    }
  }

  return {
    get(key, produce) {
      const slot = slots.get(key)
      if (slot !== undefined) {
        const age = now() - slot.at
        // A clock that was set back makes ages negative: such an answer is as good as too old.
        if (age >= 0 && age < ttlMs) return slot.value
      }
      const asked = pending.get(key)
      if (asked !== undefined) return asked
      const asking = ask(key, produce)
      pending.set(key, asking)
      return asking
    },
    drop(key, value) {
      if (slots.get(key)?.value === value) slots.delete(key)
    },
  }
}
