import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { PurserError, systemCode } from '../model/errors.ts'
import { quote } from '../model/host.ts'

/** A service account's token has 1 to 2 KiB, and what Amazon takes 20,000 characters. */
const MAX_TOKEN_BYTES = 64 * 1024

/**
 * Reads a token that a platform keeps in a file.
 *
 * Only a file: who opens a pipe that nobody writes into waits for ever, and a device has no end.
 *
 * @param name - of the setting that names the file
 * @throws `exchange-failed` if it cannot be read
 */
export async function readTokenFile(path: string, name: string): Promise<string> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    if (!(await file.stat()).isFile()) throw unreadable(path, name, 'it is not a file')
    const buffer = Buffer.alloc(MAX_TOKEN_BYTES + 1)
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0)
    if (bytesRead > MAX_TOKEN_BYTES) throw unreadable(path, name, 'it has more than 64 KiB')
    return buffer.toString('utf8', 0, bytesRead)
  } catch (error) {
    if (error instanceof PurserError) throw error
    throw unreadable(path, name, systemCode(error) ?? 'unreadable')
  }
}

function unreadable(path: string, name: string, why: string): PurserError {
  return new PurserError('exchange-failed', `${name}: ${why}`, {
    hint: `see whether ${quote(path)} is there, and readable for this user`,
  })
}
