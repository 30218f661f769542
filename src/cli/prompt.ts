import { PurserError } from '../model/errors.ts'
import type { Streams } from './context.ts'

const CTRL_C = '\u0003'
const CTRL_D = '\u0004'
const CTRL_U = '\u0015'
const ESCAPE = '\u001b'

/**
 * Asks the person at the terminal for one line.
 *
 * @param options.echo - whether what is typed is shown; a secret is not
 * @throws `usage` if the answer is broken off
 */
export function ask(
  streams: Streams,
  question: string,
  { echo }: { readonly echo: boolean },
): Promise<string> {
  const stdin = streams.stdin()
  streams.writeError(question)
  // Before the first key: the terminal itself would show what comes earlier.
  stdin.setRawMode(true)
  stdin.setEncoding('utf8')
  return new Promise<string>((resolve, reject) => {
    let line = ''
    const finish = (settle: () => void) => {
      stdin.off('data', onData).off('end', onEnd)
      stdin.setRawMode(false)
      stdin.pause()
      streams.writeError('\n')
      settle()
    }
    const onEnd = () => finish(() => reject(brokenOff()))
    const onData = (typed: string) => {
      const { next, end } = type(line, typed)
      if (echo) streams.writeError(redraw(line, next))
      line = next
      if (end === 'enter') finish(() => resolve(line))
      if (end === 'break') onEnd()
    }
    stdin.on('data', onData).on('end', onEnd)
    stdin.resume()
  })
}

/** The line after these keys, up to the one that ends it. */
function type(line: string, typed: string): { next: string; end?: 'enter' | 'break' } {
  // An arrow key or the like: nothing that a line is made of.
  if (typed.startsWith(ESCAPE)) return { next: line }
  let next = line
  for (const key of typed) {
    if (key === '\r' || key === '\n') return { next, end: 'enter' }
    if (key === CTRL_C || key === CTRL_D) return { next, end: 'break' }
    next = edit(next, key)
  }
  return { next }
}

function edit(line: string, key: string): string {
  if (key === '\u007f' || key === '\b') return [...line].slice(0, -1).join('')
  if (key === CTRL_U) return ''
  return /\p{Cc}/u.test(key) ? line : line + key
}

/** What changes one line on the terminal into the other. */
function redraw(line: string, next: string): string {
  if (next.startsWith(line)) return next.slice(line.length)
  return `${'\b \b'.repeat([...line].length)}${next}`
}

function brokenOff(): PurserError {
  return new PurserError('usage', 'no answer was given')
}
