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
  /** Changes when no answer may be given again; looked at a hundred times a second. Default: never. */
  mark?(): string | undefined
}

/**
 * A mark is read from a file: this often it costs nothing that could be measured, and whoever changes
 * something and then asks has waited longer for his own command to end.
 */
const LOOK_MS = 10

interface Answer<T> {
  readonly value: T
  readonly at: number
}

/** Makes a memo; it keeps no failures. */
export function createMemo<T>({ now, ttlMs, capacity, mark }: MemoOptions): Memo<T> {
  let known = empty()
  let marked: string | undefined
  let lookedAt = Number.NEGATIVE_INFINITY

  function empty() {
    return { answers: createLru<Answer<T>>(capacity), pending: new Map<string, Promise<T>>() }
  }

  /** What was asked before the mark changed, or is being asked, is nothing to those who ask now. */
  function look(at: number): void {
    if (mark === undefined || Math.abs(at - lookedAt) < LOOK_MS) return
    lookedAt = at
    const seen = mark()
    if (seen !== marked) known = empty()
    marked = seen
  }

  async function ask(key: string, produce: () => Promise<T>): Promise<T> {
    const { answers, pending } = known
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
      const at = now()
      look(at)
      const { answers, pending } = known
      const answer = answers.get(key)
      if (answer !== undefined) {
        const ageMs = at - answer.at
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
      if (known.answers.get(key)?.value === value) known.answers.delete(key)
    },
  }
}
