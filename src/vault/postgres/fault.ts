import { PurserError, systemCode } from '../../model/errors.ts'

/** What is known of PostgreSQL's codes, in words. @see https://www.postgresql.org/docs/current/errcodes-appendix.html */
const CONDITIONS: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  '28000': ['the user was refused', 'see the user in [vault] url, and pg_hba.conf of the server'],
  '28P01': ['the password was refused', 'see what [vault] password names'],
  '3D000': ['there is no such database', 'create it: createdb --owner=USER NAME'],
  '42501': ['the user may not do that', 'make the user the owner of the schema purser'],
  '53300': ['it has too many connections', 'raise max_connections of the server'],
  '57014': ['it took too long', 'see what keeps the database busy'],
  '55P03': ['it took too long', 'see what keeps the database busy'],
}

/** What Node says of a certificate that it does not take. */
const TLS_CODE = /^(?:ERR_TLS_|ERR_OSSL_|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|ERR_SSL_)/

const UNREACHABLE = new WeakSet<object>()

/** Whether an error says that the database, or the network to it, is down. */
export function isUnreachable(error: unknown): boolean {
  return error instanceof PurserError && UNREACHABLE.has(error)
}

/** Whether an error says that an open connection has ended: a new one may well succeed. */
export function isCutOff(error: unknown): boolean {
  if (!isUnreachable(error) || !(error instanceof Error)) return false
  const code = systemCode(error.cause) ?? ''
  if (/^(?:ECONNRESET|EPIPE|57P01)$/.test(code)) return true
  return error.cause instanceof Error && /^Connection terminated(?! due)/.test(error.cause.message)
}

/**
 * The error of a database in Purser's words: a server's own message may quote what it was sent.
 *
 * @param name - the vault's
 */
export function faultOf(name: string, error: unknown): unknown {
  if (error instanceof PurserError) return error
  const code = systemCode(error) ?? ''
  const [condition, hint] = CONDITIONS[code] ?? []
  const what = `cannot use the vault ${name}`
  if (condition !== undefined) {
    return new PurserError('vault-failed', `${what}: ${condition}`, { cause: error, hint })
  }
  if (TLS_CODE.test(code) || isWithoutTls(error)) {
    return new PurserError('vault-failed', `${what}: its server does not prove who it is`, {
      cause: error,
      hint: 'name its authority: sslrootcert=FILE in [vault] url, or [tls] ca',
    })
  }
  if (isAnswer(code)) {
    return new PurserError('vault-failed', `${what}: its server says no`, { cause: error })
  }
  const unreachable = new PurserError('vault-failed', `cannot reach the vault ${name}`, {
    cause: error,
    hint: 'see whether the database runs; until it does, logins that are kept go on',
  })
  UNREACHABLE.add(unreachable)
  return unreachable
}

/** Five characters are an answer of the server, unless it says that it, or the connection, is going away. */
function isAnswer(code: string): boolean {
  return /^[0-9A-Z]{5}$/.test(code) && !/^(?:08|57P0)/.test(code) && !code.startsWith('E')
}

function isWithoutTls(error: unknown): boolean {
  return error instanceof Error && error.message.includes('does not support SSL')
}
