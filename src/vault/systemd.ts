import { isAbsolute, join } from 'node:path'
import { FROM_SYSTEMD, readPrivateFile, type Uid } from './privacy.ts'

/** The variables and the user by which systemd's credentials are found. */
interface Unit {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly uid: Uid
}

/** A key or a password of more than this is no line that a person wrote. */
const MAX_BYTES = 4_096

/**
 * Reads a credential that systemd has passed to this unit.
 *
 * @returns `undefined` if it has passed none of this name.
 * @throws `unsafe-file` if others can read it; the system's error if it cannot be read.
 * @see https://systemd.io/CREDENTIALS/
 */
export function readSystemdCredential(name: string, { env, uid }: Unit): string | undefined {
  const directory = env['CREDENTIALS_DIRECTORY']
  if (directory === undefined || !isAbsolute(directory)) return undefined
  return readPrivateFile(join(directory, name), MAX_BYTES, uid, FROM_SYSTEMD)
}
