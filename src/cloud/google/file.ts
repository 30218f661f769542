import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { PurserError, systemCode } from '../../model/errors.ts'
import { quote } from '../../model/host.ts'

/** Credential files have 3 KiB, tokens of Azure and of Kubernetes 4 KiB, an assertion of SAML more. */
const MAX_BYTES = 64 * 1024

/**
 * Reads a small file of the machine's.
 *
 * Only a file: who opens a pipe that nobody writes into waits for ever, and a device has no end.
 *
 * @param hint - what names the file, if it cannot be read
 * @returns `undefined` if there is none
 * @throws `exchange-failed` if it cannot be read
 */
export async function readSmallFile(path: string, hint: string): Promise<string | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      if (!(await file.stat()).isFile()) throw unreadable(path, 'it is not a file', hint)
      const buffer = Buffer.alloc(MAX_BYTES + 1)
      const { bytesRead } = await file.read(buffer, 0, buffer.length, 0)
      if (bytesRead > MAX_BYTES) throw unreadable(path, 'it has more than 64 KiB', hint)
      return buffer.toString('utf8', 0, bytesRead)
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof PurserError) throw error
    const code = systemCode(error)
    if (code === 'ENOENT') return undefined
    throw unreadable(path, code ?? 'unreadable', hint)
  }
}

/** The fault that a file is which cannot be read. */
export function unreadable(path: string, why: string, hint: string): PurserError {
  return new PurserError('exchange-failed', `cannot read ${quote(path)}: ${why}`, { hint })
}
