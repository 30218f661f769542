import { styleText } from 'node:util'
import { codeOf, describeError, type ErrorCode, hintOf } from '../model/errors.ts'
import type { CliContext, Streams } from './context.ts'

/** The exit codes that scripts may rely on. */
type ExitCode = 0 | 1 | 2 | 3 | 4 | 5

/** Says what went wrong and what to do next, on stderr. @returns the exit code for it */
export function reportError(context: CliContext, error: unknown): ExitCode {
  complain(context, describeError(error), hintOf(error))
  return exitCodeOf(codeOf(error))
}

/** `purser: error: …`, and a hint where there is one. */
export function complain(context: Talk, message: string, hint: string | undefined): void {
  sayAs(context, 'red', 'error', message)
  if (hint !== undefined) sayAs(context, 'cyan', 'hint', hint)
}

/** `purser: warning: …`: it went on, and not as was meant. */
export function warn(context: Talk, message: string): void {
  sayAs(context, 'yellow', 'warning', message)
}

type Talk = Pick<CliContext, 'env' | 'stderrIsTerminal' | 'writeError'>

function sayAs(
  { env, ...streams }: Talk,
  format: 'red' | 'cyan' | 'yellow',
  kind: string,
  text: string,
): void {
  const colours = streams.stderrIsTerminal() && !env['NO_COLOR']
  const label = colours ? styleText(format, `${kind}:`, { validateStream: false }) : `${kind}:`
  streams.writeError(`purser: ${label} ${printable(text)}\n`)
}

/** Tells how it went, to the person rather than to the next program. */
export function say({ writeError }: Pick<Streams, 'writeError'>, text: string): void {
  writeError(`purser: ${printable(text)}\n`)
}

/** Rows as lines, each column as wide as its widest cell. */
export function renderTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length)
  }
  return rows
    .map((row) => row.map((cell, i) => printable(cell).padEnd(widths[i] ?? 0)).join('  '))
    .map((line) => `${line.trimEnd()}\n`)
    .join('')
}

/** The one form of every `--json`: indented for people, stable for programs. */
export function renderJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}

/** Text from outside cannot move a terminal's cursor, nor pretend to be another line. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu, '?')
}

function exitCodeOf(code: ErrorCode): ExitCode {
  switch (code) {
    case 'usage':
    case 'host-invalid':
    case 'reference-invalid':
      return 2
    case 'not-found':
      return 3
    case 'credential-expired':
    case 'upstream-refused':
      return 4
    case 'agent-unreachable':
      return 5
    case 'config-invalid':
    case 'credential-incomplete':
    case 'credential-unsupported':
    case 'exchange-failed':
    case 'exchange-limit':
    case 'internal':
    case 'key-invalid':
    case 'key-missing':
    case 'network':
    case 'not-allowed':
    case 'policy':
    case 'request-invalid':
    case 'unsafe-file':
    case 'vault-corrupt':
    case 'vault-failed':
      return 1
  }
}
