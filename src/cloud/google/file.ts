import { PurserError } from '../../model/errors.ts'
import { quote } from '../../model/host.ts'
import { readSmallFile } from '../small-file.ts'

/**
 * Reads a file of Google's that need not be there.
 *
 * @param hint - what names the file, if it cannot be read
 * @returns `undefined` if there is none
 * @throws `exchange-failed` if it cannot be read
 */
export function findGoogleFile(path: string, hint: string): Promise<string | undefined> {
  return readSmallFile(path, (why) => unreadable(path, why, hint))
}

/**
 * Reads a file that something of Google's names.
 *
 * @param hint - what names the file
 * @throws `exchange-failed` if it is not there, or cannot be read
 */
export async function readGoogleFile(path: string, hint: string): Promise<string> {
  const text = await findGoogleFile(path, hint)
  if (text === undefined) throw unreadable(path, 'ENOENT', hint)
  return text
}

/** The fault that a file is which cannot be read. */
export function unreadable(path: string, why: string, hint: string): PurserError {
  return new PurserError('exchange-failed', `cannot read ${quote(path)}: ${why}`, { hint })
}
