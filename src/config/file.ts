import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { PurserError, systemCode } from '../model/errors.ts'
import { type CertificateFiles, type Config, defaultConfig } from './config.ts'
import type { Paths } from './paths.ts'

/** A file of more than 1 MiB is no configuration that a person wrote. */
const MAX_FILE_BYTES = 1024 * 1024

/** Where the configuration may be, and who reads it. */
export interface ConfigSources {
  readonly paths: Paths
  /** The file that a flag or `PURSER_CONFIG` names: it must exist. */
  readonly file: string | undefined
  /** The effective user id; `undefined` where the platform has none. */
  readonly uid: number | undefined
}

/**
 * Reads the configuration: the named file, else the usual one, else the defaults.
 *
 * @throws `config-invalid`, naming the file and the key; `unsafe-file` if others can write it.
 */
export async function loadConfig({ paths, file, uid }: ConfigSources): Promise<Config> {
  const path = file ?? paths.config
  const required = file !== undefined
  const text = readTrustedFile(path, { what: 'the configuration', required, uid })
  if (text === undefined) return defaultConfig(paths)
  // The parser costs a helper that has no configuration file nothing.
  const { parseConfig } = await import('./toml.ts')
  return parseConfig(text, path, paths)
}

/**
 * Reads the certificates that the configuration names.
 *
 * @throws `config-invalid` if it cannot be read; `unsafe-file` if others can write it.
 */
export function readCertificates(path: string, uid: number | undefined): string {
  return readTrustedFile(path, { what: 'a file of [tls] ca', required: true, uid }) ?? ''
}

/**
 * Reads the login of the proxy that this network is left by.
 *
 * @throws `config-invalid` if it cannot be read; `unsafe-file` if others can write or read it.
 */
export function readProxyLogin(path: string, uid: number | undefined): string {
  const what = 'the file of proxy_auth of [net]'
  return readTrustedFile(path, { what, required: true, uid, secret: true }) ?? ''
}

/**
 * Reads a file of the vault's database.
 *
 * @param key - which of the configuration, in [vault] or in its URL
 * @throws `config-invalid` if it cannot be read; `unsafe-file` if others can write it, or read a secret
 */
export function readVaultFile(
  path: string,
  key: 'password' | 'sslrootcert' | 'sslcert' | 'sslkey',
  uid: number | undefined,
): string {
  const secret = key === 'password' || key === 'sslkey'
  return (
    readTrustedFile(path, { what: `the file of ${key} of [vault]`, required: true, uid, secret }) ??
    ''
  )
}

/**
 * Reads the password that clients of the proxy show.
 *
 * @throws `config-invalid` if it cannot be read; `unsafe-file` if others can write or read it.
 */
export function readClientSecret(path: string, uid: number | undefined): string {
  const what = 'the file of client_secret of [proxy]'
  return readTrustedFile(path, { what, required: true, uid, secret: true }) ?? ''
}

/**
 * Reads what the proxy's listeners show to clients that speak TLS.
 *
 * @throws `config-invalid` if a file cannot be read; `unsafe-file` if others can write it, or read
 * the key.
 */
export function readServerCertificate({ cert, key }: CertificateFiles, uid: number | undefined) {
  const read = (path: string, what: string, secret: boolean) =>
    readTrustedFile(path, { what, required: true, uid, secret }) ?? ''
  return {
    cert: read(cert, 'cert of [proxy]', false),
    key: read(key, 'key of [proxy]', true),
  }
}

interface TrustedFile {
  readonly what: string
  /** Whether others may not even read it. */
  readonly secret?: boolean
  /** Otherwise there may be none. */
  readonly required: boolean
  readonly uid: number | undefined
}

function readTrustedFile(path: string, file: TrustedFile): string | undefined {
  const { what, required, uid, secret = false } = file
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    if (!required && systemCode(error) === 'ENOENT') return undefined
    throw new PurserError('config-invalid', `cannot read ${what}`, { cause: error })
  }
  try {
    const stat = fstatSync(fd)
    // Whoever can write such a file can have every credential sent to a machine of their own: by
    // [connect], or by a certificate that says it is the registry's.
    const foreign = uid !== undefined && stat.uid !== uid && stat.uid !== 0
    if (foreign || (stat.mode & 0o022) !== 0) {
      throw new PurserError('unsafe-file', `${path} can be written by others`, {
        hint: `make it yours alone: chown $(id -u) ${path} && chmod go-w ${path}`,
      })
    }
    if (secret && (stat.mode & 0o077) !== 0) {
      throw new PurserError('unsafe-file', `${path} can be read by others`, {
        hint: `make it yours alone: chmod 600 ${path}`,
      })
    }
    if (!stat.isFile() || stat.size > MAX_FILE_BYTES) {
      throw new PurserError('config-invalid', `${path} is not a file of at most 1 MiB`)
    }
    return readFileSync(fd, 'utf8')
  } finally {
    closeSync(fd)
  }
}
