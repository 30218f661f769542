import { createLru } from './lru.ts'

/** Answers remembered for a moment, so that a question repeated thousands of times is a look-up. */
export interface Memo<T> {
  /** What is remembered, at once; else what `produce` makes, the same for all who wait for it. */
  get(key: string, produce: () => Promise<T>): T | Promise<T>
  /** Forgets the answer, if it is still this one. */
  drop(key: string, value: T): void
}

/** What a memo is made with. */
export interface MemoOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** How long an answer may be older than what it was made from. */
  readonly ttlMs: number
  /** How many answers are kept; the one unused for longest goes first. */
  readonly capacity: number
}

interface Answer<T> {
  readonly value: T
  readonly at: number
}

/** Makes a memo; it keeps no failures. */
export function createMemo<T>({ now, ttlMs, capacity }: MemoOptions): Memo<T> {
  const answers = createLru<Answer<T>>(capacity)
  const pending = new Map<string, Promise<T>>()

  async function ask(key: string, produce: () => Promise<T>): Promise<T> {
    try {
      const value = await produce()
      answers.set(key, { value, at: now() })
      return value
    } finally {
      pending.delete(key)
    }
  }

  return {
    get(key, produce) {
      const answer = answers.get(key)
      if (answer !== undefined) {
        const ageMs = now() - answer.at
        // A clock that was set back makes ages negative: such an answer is as good as too old.
        if (ageMs >= 0 && ageMs < ttlMs) return answer.value
      }
      const asked = pending.get(key)
      if (asked !== undefined) return asked
      const asking = ask(key, produce)
      pending.set(key, asking)
      return asking
    },
    drop(key, value) {
      if (answers.get(key)?.value === value) answers.delete(key)
    },
  }
}
