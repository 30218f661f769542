import type { PostgresPlace } from '../../config/vault-url.ts'
import { PurserError } from '../../model/errors.ts'
import type { Reach } from './database.ts'

/** What the way to a database is made of. */
export interface ReachOptions {
  readonly place: PostgresPlace
  /** Reads the password; `undefined` if the configuration names none. */
  readonly password: (() => string) | undefined
  /** Certificates of the authorities that are trusted unless the URL names one. */
  readonly roots: () => Promise<readonly string[]>
  /** Reads a PEM file. */
  readFile(path: string, secret: boolean): string
}

/** Reads all that a connection needs but the password, which each connection reads anew. */
export async function reachOf(options: ReachOptions): Promise<Reach> {
  const { host, port, user, database } = options.place
  return {
    ...{ host, port, user, database },
    ssl: await tlsOf(options),
    async password() {
      if (options.password !== undefined) return options.password()
      throw new PurserError('config-invalid', 'the database asks for a password', {
        hint: 'say where it is: password = "file:PATH" in [vault]',
      })
    },
  }
}

async function tlsOf({ place: { tls }, roots, readFile }: ReachOptions): Promise<Reach['ssl']> {
  if (tls === undefined) return false
  const { names, rootCert, cert, key } = tls
  const ca = rootCert === undefined ? await roots() : [readFile(rootCert, false)]
  return {
    ca: [...ca],
    minVersion: 'TLSv1.2',
    ...(cert !== undefined && { cert: readFile(cert, false) }),
    ...(key !== undefined && { key: readFile(key, true) }),
    ...(!names && { checkServerIdentity: () => undefined }),
  }
}
