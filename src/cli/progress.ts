import type { Streams } from './context.ts'

/** How far something has got, for a person who waits. */
export interface Progress {
  /** @param count - how many more are done; default: 1 */
  advance(count?: number): void
  /** Leaves nothing behind. */
  end(): void
}

/** What is done sooner needs no bar. */
const PATIENCE_MS = 1_000
const WIDTH = 24

/** Draws a bar on a terminal, and nothing elsewhere, once it has taken a second. */
export function startProgress(
  { writeError, stderrIsTerminal }: Pick<Streams, 'writeError' | 'stderrIsTerminal'>,
  what: string,
  total: number,
  patienceMs = PATIENCE_MS,
): Progress {
  if (!stderrIsTerminal()) return { advance: () => undefined, end: () => undefined }
  let done = 0
  let shown = patienceMs === 0
  const draw = () => {
    const bar = '#'.repeat(Math.floor((done / total) * WIDTH)).padEnd(WIDTH, '.')
    writeError(`\r${what} [${bar}] ${done}/${total}`)
    shown = true
  }
  const timer = patienceMs === 0 ? undefined : setTimeout(draw, patienceMs)
  return {
    advance(count = 1) {
      done += count
      if (shown) draw()
    },
    end() {
      clearTimeout(timer)
      // Clears the line (ECMA-48 8.3.41), so that what follows stands at its beginning.
      if (shown) writeError('\r\u001b[K')
    },
  }
}
