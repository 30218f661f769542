import { PurserError } from '../model/errors.ts'
import type { Streams } from './context.ts'

const CTRL_C = '\u0003'
const CTRL_D = '\u0004'
const CTRL_U = '\u0015'
const ESCAPE = '\u001b'

/** How a person is asked. */
export interface AskOptions {
  /** Whether what is typed is shown; a secret is not. */
  readonly echo: boolean
  readonly signal: AbortSignal
}

/**
 * Asks the person at the terminal for one line.
 *
 * @throws `usage` if the answer is broken off; the signal's reason if it is aborted
 */
export function ask(
  streams: Streams,
  question: string,
  { echo, signal }: AskOptions,
): Promise<string> {
  const stdin = streams.stdin()
  // Before the question: who answers it at once would be shown the answer by the terminal itself.
  stdin.setRawMode(true)
  stdin.setEncoding('utf8')
  streams.writeError(question)
  return new Promise<string>((resolve, reject) => {
    let line = ''
    const finish = (settle: () => void) => {
      stdin.off('data', onData).off('end', onEnd)
      signal.removeEventListener('abort', onAbort)
      stdin.setRawMode(false)
      stdin.pause()
      streams.writeError('\n')
      settle()
    }
    const onEnd = () => finish(() => reject(brokenOff()))
    const onAbort = () => finish(() => reject(signal.reason))
    const onData = (typed: string) => {
      const { next, end, rest } = type(line, typed)
      if (echo) streams.writeError(redraw(line, next))
      line = next
      if (end === 'enter') {
        finish(() => resolve(line))
        // Who pastes two lines answers two questions.
        if (rest !== undefined && rest !== '') stdin.unshift(rest)
      }
      if (end === 'break') onEnd()
    }
    stdin.on('data', onData).on('end', onEnd)
    signal.addEventListener('abort', onAbort)
    stdin.resume()
  })
}

interface Typed {
  readonly next: string
  readonly end?: 'enter' | 'break'
  /** What was typed behind the end. */
  readonly rest?: string
}

/** The line after these keys, up to the one that ends it. */
function type(line: string, typed: string): Typed {
  // An arrow key or the like: nothing that a line is made of.
  if (typed.startsWith(ESCAPE)) return { next: line }
  let next = line
  let read = 0
  for (const key of typed) {
    read += key.length
    if (key === '\r' || key === '\n')
      return { next, end: 'enter', rest: typed.slice(read).replace(/^\n/, '') }
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
