import { isAbsolute } from 'node:path'

/** Where a vault is. */
export type VaultPlace = SqlitePlace | PostgresPlace

/** A file of this machine. */
interface SqlitePlace {
  readonly engine: 'sqlite'
  readonly path: string
}

/** A database that a fleet shares. */
export interface PostgresPlace {
  readonly engine: 'postgres'
  /** A name, an address, or the directory of a unix socket. */
  readonly host: string
  readonly port: number
  readonly user: string
  readonly database: string
  /** `undefined` is plain text, which does not leave the machine. */
  readonly tls: PostgresTls | undefined
}

/** How the server proves who it is, and how this client does; files are PEM. */
interface PostgresTls {
  /** Whether its certificate must also have the host's name. */
  readonly names: boolean
  /** The only authority that is trusted, if there is one. */
  readonly rootCert: string | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
}

const POSTGRES = /^postgres(?:ql)?:\/\//
const DEFAULT_PORT = 5432

/** As PostgreSQL's own clients name them; what is not here is refused, rather than ignored. */
const PARAMETERS = ['host', 'user', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey']

/**
 * Reads `sqlite:PATH`, or a PostgreSQL URL.
 *
 * @param locate - makes a path absolute; `default` is the usual file's
 * @returns what is wrong with it, as a string that begins with `must`
 * @see https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
 */
export function parseVaultUrl(url: string, locate: (path: string) => string): VaultPlace | string {
  if (url.startsWith('sqlite:') && url.length > 'sqlite:'.length) {
    return { engine: 'sqlite', path: locate(url.slice('sqlite:'.length)) }
  }
  return POSTGRES.test(url) ? parsePostgres(url, locate) : 'must be sqlite:PATH or postgres://…'
}

/** The place, for people and to tell vaults apart: never a user or a password. */
export function nameOfVault(place: VaultPlace): string {
  if (place.engine === 'sqlite') return place.path
  const { host, port, database } = place
  const at = host.includes(':') ? `[${host}]` : encodeURIComponent(host)
  return `postgres://${at}${port === DEFAULT_PORT ? '' : `:${port}`}/${encodeURIComponent(database)}`
}

function parsePostgres(text: string, locate: (path: string) => string): PostgresPlace | string {
  const url = URL.parse(text)
  if (url === null || url.hash !== '') return 'must be as postgres://user@host/database'
  if (url.password !== '') return 'must be without a password: [vault] password says where it is'
  const given = url.searchParams
  const unknown = [...given.keys()].find((each) => !PARAMETERS.includes(each))
  if (unknown !== undefined) return `must have no parameters beside ${PARAMETERS.join(', ')}`
  const host = decode(url.hostname).replace(/^\[(.*)\]$/, '$1') || (given.get('host') ?? '')
  const user = decode(url.username) || (given.get('user') ?? '')
  const database = decode(url.pathname.slice(1))
  if (!/^[\w.:%/-]+$/.test(host) || user === '' || database === '' || database.includes('/')) {
    return 'must be as postgres://user@host/database'
  }
  const tls = tlsOf(given, isNear(host), locate)
  if (typeof tls === 'string') return tls
  const port = url.port === '' ? DEFAULT_PORT : Number(url.port)
  return { engine: 'postgres', host, port, user, database, tls }
}

/**
 * What libpq's weaker modes leave open is who answers: anybody on the way could, and would be told the
 * password, or give back the entries of last year.
 */
function tlsOf(
  given: URLSearchParams,
  isNear: boolean,
  locate: (path: string) => string,
): PostgresTls | undefined | string {
  const mode = given.get('sslmode') ?? (isNear ? 'disable' : 'verify-full')
  const file = (name: string) => {
    const path = given.get(name)
    return path === null ? undefined : locate(path)
  }
  const [cert, key] = [file('sslcert'), file('sslkey')]
  if ((cert === undefined) !== (key === undefined))
    return 'must have sslcert and sslkey, or neither'
  switch (mode) {
    case 'verify-ca':
      // Public authorities certify everybody: https://www.postgresql.org/docs/current/libpq-ssl.html
      if (!given.has('sslrootcert')) return 'must have sslrootcert with sslmode=verify-ca'
      return { names: false, rootCert: file('sslrootcert'), cert, key }
    case 'verify-full':
      return { names: true, rootCert: file('sslrootcert'), cert, key }
    case 'disable':
      return isNear
        ? undefined
        : 'must have sslmode=verify-full: the database is on another machine'
    default:
      return 'must have sslmode=verify-full or verify-ca: the others prove nothing'
  }
}

/** On this machine: by a socket, or by loopback. */
function isNear(host: string): boolean {
  return isAbsolute(host) || host === 'localhost' || host === '::1' || /^127\.[\d.]+$/.test(host)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}
