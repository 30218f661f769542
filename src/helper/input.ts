import { PurserError } from '../model/errors.ts'

/** What a client writes to a helper, as it arrives. */
export type Input = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/**
 * A client that is still writing when a helper ends gets EPIPE, and some of them fall over it: what
 * is too long is read to its end. An end that is not in sight after 64 MiB is none.
 */
const MAX_DRAINED_BYTES = 64 * 1024 * 1024

/** `\r\n`, which is no part of the message. */
const LINE_END_BYTES = 2

/**
 * Reads all input as UTF-8 text, without the white space around it.
 *
 * @throws `usage` if there is more than `maxBytes`, or if it is not UTF-8
 */
export async function readInput(input: Input, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of input) {
    size += chunk.length
    if (size <= maxBytes + LINE_END_BYTES) chunks.push(chunk)
    if (size > MAX_DRAINED_BYTES) break
  }
  if (size > maxBytes + LINE_END_BYTES) {
    throw new PurserError('usage', `the input has more than ${maxBytes} bytes`)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)).trim()
  } catch (cause) {
    throw new PurserError('usage', 'the input is not UTF-8', { cause })
  }
}

/** Whether there is a character that ends a line or commands a terminal (C0, DEL, C1). */
export function hasControlCharacter(text: string): boolean {
  return /\p{Cc}/u.test(text)
}
