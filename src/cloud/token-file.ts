import { PurserError } from '../model/errors.ts'
import { quote } from '../model/host.ts'
import { readSmallFile } from './small-file.ts'

/**
 * Reads a token that a platform keeps in a file.
 *
 * @param name - of the setting that names the file
 * @throws `exchange-failed` if it cannot be read
 */
export async function readTokenFile(path: string, name: string): Promise<string> {
  const unreadable = (why: string) =>
    new PurserError('exchange-failed', `${name}: ${why}`, {
      hint: `see whether ${quote(path)} is there, and readable for this user`,
    })
  const text = await readSmallFile(path, unreadable)
  if (text === undefined) throw unreadable('ENOENT')
  return text
}
