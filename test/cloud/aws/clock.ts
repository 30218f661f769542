/** A clock that stands still until all wait for it, and then goes on to the first who does. */
export function createClock() {
  let at = 0
  const waiting: { readonly until: number; readonly wake: () => void }[] = []

  return {
    now: () => at,
    pause(ms: number, signal: AbortSignal): Promise<void> {
      signal.throwIfAborted()
      return new Promise((wake) => waiting.push({ until: at + Math.max(ms, 0), wake }))
    },
    advance(ms: number): void {
      at += ms
    },
    /** Lets time go by until there is an answer. */
    async run<T>(answer: Promise<T>): Promise<T> {
      let done = false
      const settled = answer.finally(() => {
        done = true
      })
      settled.catch(() => undefined)
      while (!done) {
        // All that can go on without time, goes on before it moves.
        await new Promise((resolve) => setImmediate(resolve))
        waiting.sort((a, b) => a.until - b.until)
        const first = waiting.shift()
        if (first === undefined) continue
        at = Math.max(at, first.until)
        first.wake()
      }
      return settled
    },
  }
}
