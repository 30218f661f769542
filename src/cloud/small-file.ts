import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { PurserError, systemCode } from '../model/errors.ts'

/**
 * Credential files have 3 KiB, tokens of Azure and of Kubernetes 1 to 4 KiB, what Amazon takes 20,000
 * characters.
 */
const MAX_BYTES = 64 * 1024

/**
 * Reads a small file of the machine's.
 *
 * Only a file: who opens a pipe that nobody writes into waits for ever, and a device has no end.
 *
 * @param unreadable - makes what is thrown, of why it cannot be read
 * @returns `undefined` if there is none
 */
export async function readSmallFile(
  path: string,
  unreadable: (why: string) => PurserError,
): Promise<string | undefined> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    if (!(await file.stat()).isFile()) throw unreadable('it is not a file')
    const buffer = Buffer.alloc(MAX_BYTES + 1)
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0)
    if (bytesRead > MAX_BYTES) throw unreadable('it has more than 64 KiB')
    return buffer.toString('utf8', 0, bytesRead)
  } catch (error) {
    if (error instanceof PurserError) throw error
    const code = systemCode(error)
    if (code === 'ENOENT') return undefined
    throw unreadable(code ?? 'unreadable')
  }
}
