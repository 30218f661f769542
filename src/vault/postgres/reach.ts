import { getCACertificates } from 'node:tls'
import type { Config } from '../../config/config.ts'
import { readCertificates, readVaultFile } from '../../config/file.ts'
import { readNamedValue } from '../../config/named-value.ts'
import type { PostgresPlace } from '../../config/vault-url.ts'
import { PurserError } from '../../model/errors.ts'
import type { KeyEnvironment } from '../key-source.ts'
import { readSystemdCredential } from '../systemd.ts'
import type { Reach } from './database.ts'

/** The configuration, variables and user by which a database is reached. */
export interface ReachEnvironment extends KeyEnvironment {
  readonly config: Pick<Config, 'vault' | 'tls'>
}

/**
 * Reads all that a connection needs; the password anew for each connection, so that one that was changed
 * counts.
 *
 * @throws `config-invalid` if a file cannot be read; `unsafe-file` if others could change it, or read a key
 */
export function reachOf(place: PostgresPlace, environment: ReachEnvironment): Reach {
  const { host, port, user, database } = place
  return {
    ...{ host, port, user, database },
    ssl: tlsOf(place, environment),
    password: async () => readPassword(environment),
  }
}

/** The runtime's own roots and the operator's, as everywhere; or the one that the URL names, alone. */
function tlsOf({ tls }: PostgresPlace, { config, uid }: ReachEnvironment): Reach['ssl'] {
  if (tls === undefined) return false
  const { names, rootCert, cert, key } = tls
  const ca =
    rootCert === undefined
      ? [
          ...getCACertificates('bundled'),
          ...config.tls.ca.map((path) => readCertificates(path, uid)),
        ]
      : [readVaultFile(rootCert, 'sslrootcert', uid)]
  return {
    ca,
    minVersion: 'TLSv1.2',
    ...(cert !== undefined && { cert: readVaultFile(cert, 'sslcert', uid) }),
    ...(key !== undefined && { key: readVaultFile(key, 'sslkey', uid) }),
    ...(!names && { checkServerIdentity: () => undefined }),
  }
}

function readPassword({ config: { vault }, env, uid }: ReachEnvironment): string {
  const { password: named } = vault
  if (named === undefined) {
    throw new PurserError('config-invalid', 'the database asks for a password', {
      hint: 'say where it is: password = "file:PATH" in [vault]',
    })
  }
  const password = readNamedValue(named, {
    env,
    file: (path) => readVaultFile(path, 'password', uid),
    systemd: (name) => readSystemdCredential(name, { env, uid }),
  })
  if (password) return password
  throw new PurserError('config-invalid', `password of [vault]: ${named} holds no password`)
}
