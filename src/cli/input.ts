import { readFile, stat } from 'node:fs/promises'
import { addAbortSignal } from 'node:stream'
import { readBounded } from '../model/bytes.ts'
import { PurserError } from '../model/errors.ts'
import type { CliContext } from './context.ts'

type Input = Pick<CliContext, 'stdin' | 'stdinIsTerminal' | 'signal'>

/** As much as the helper stores: no credential is longer. */
const MAX_INPUT_BYTES = 1024 * 1024

/**
 * Reads a file that a flag names, or stdin if it names `-`.
 *
 * @throws `usage` if it cannot be read, or has more than 1 MiB
 */
export async function readNamed(input: Input, flag: string, path: string): Promise<string> {
  return (await readNamedBytes(input, flag, path)).toString('utf8')
}

/** Like {@link readNamed}, as it is. */
export async function readNamedBytes(input: Input, flag: string, path: string): Promise<Buffer> {
  if (path === '-') return readStdinBytes(input, flag)
  try {
    if ((await stat(path)).size > MAX_INPUT_BYTES) throw tooLong(flag)
    return await readFile(path)
  } catch (cause) {
    if (cause instanceof PurserError) throw cause
    throw new PurserError('usage', `${flag}: cannot read the file`, { cause })
  }
}

/**
 * Reads stdin to its end.
 *
 * @throws `usage` if there is more than 1 MiB, or if it is a terminal's: nobody is asked there; the
 * signal's reason if it is aborted
 */
export async function readStdin(input: Input, flag: string): Promise<string> {
  return (await readStdinBytes(input, flag)).toString('utf8')
}

/** Like {@link readStdin}, as it came. */
export async function readStdinBytes(input: Input, flag: string): Promise<Buffer> {
  const { stdin, stdinIsTerminal, signal } = input
  if (stdinIsTerminal()) {
    throw new PurserError('usage', `${flag} reads a file or a pipe, not the terminal`)
  }
  const piped = addAbortSignal(signal, stdin())
  return readBounded(piped, MAX_INPUT_BYTES, () => tooLong(flag))
}

function tooLong(flag: string): PurserError {
  return new PurserError('usage', `${flag}: the input has more than 1 MiB`)
}
