import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { isIP, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A key and a certificate, as PEM texts and as the files that hold them. */
export interface ServerCertificate {
  readonly key: string
  readonly cert: string
  readonly keyFile: string
  readonly certFile: string
}

/** A certificate authority that nobody trusts until a test says so. */
export interface TestAuthority {
  /** The authority's certificate, PEM. */
  readonly ca: string
  readonly caFile: string
  /** A server certificate for these DNS names and IP addresses; one per list of names. */
  certificateFor(...names: readonly [string, ...string[]]): ServerCertificate
}

const authorities = new Map<string, TestAuthority>()

/** The authority of that name, made on first use; its files go when the process does. */
export function testAuthority(name = 'purser test authority'): TestAuthority {
  const known = authorities.get(name)
  if (known !== undefined) return known
  const made = makeAuthority(name)
  authorities.set(name, made)
  return made
}

/** No section of the system's openssl.cnf may add extensions of its own. */
const OPENSSL_CONFIG = '[req]\ndistinguished_name = dn\n[dn]\n'

function makeAuthority(name: string): TestAuthority {
  const dir = mkdtempSync(join(tmpdir(), 'purser-certificates-'))
  removeWithProcess(dir)
  writeFileSync(join(dir, 'openssl.cnf'), OPENSSL_CONFIG)
  const authority = makeCertificate(dir, 'ca', name, [
    'basicConstraints=critical,CA:TRUE',
    'keyUsage=critical,keyCertSign,cRLSign',
  ])
  const servers = new Map<string, ServerCertificate>()
  return {
    ca: authority.cert,
    caFile: authority.certFile,
    certificateFor: (...names) => {
      const id = names.join(',')
      const known = servers.get(id)
      if (known !== undefined) return known
      const alternatives = names.map((each) => `${isIP(each) === 0 ? 'DNS' : 'IP'}:${each}`)
      const made = makeCertificate(
        dir,
        `server-${servers.size}`,
        // A common name has at most 64 characters (X.520).
        names[0].slice(0, 64),
        [
          'basicConstraints=critical,CA:FALSE',
          'keyUsage=critical,digitalSignature',
          'extendedKeyUsage=serverAuth',
          `subjectAltName=${alternatives.join(',')}`,
        ],
        authority,
      )
      servers.set(id, made)
      return made
    },
  }
}

/**
 * Removes a folder when this process is gone, however it went.
 *
 * A test runner kills its workers, and none of their own handlers gets to run; a child notices,
 * because its end of the pipe is closed.
 */
function removeWithProcess(dir: string): void {
  const watcher = spawn('sh', ['-c', 'cat; rm -rf "$1"', 'sh', dir], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  watcher.unref()
  if (watcher.stdin instanceof Socket) watcher.stdin.unref()
}

function makeCertificate(
  dir: string,
  file: string,
  commonName: string,
  extensions: readonly string[],
  issuer?: ServerCertificate,
): ServerCertificate {
  const keyFile = join(dir, `${file}.key`)
  const certFile = join(dir, `${file}.pem`)
  const argv = [
    ...['req', '-x509', '-config', join(dir, 'openssl.cnf'), '-days', '2', '-sha256'],
    ...['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
    ...['-subj', `/CN=${commonName}`, '-keyout', keyFile, '-out', certFile],
    ...(issuer === undefined ? [] : ['-CA', issuer.certFile, '-CAkey', issuer.keyFile]),
    ...extensions.flatMap((extension) => ['-addext', extension]),
  ]
  execFileSync('openssl', argv, { stdio: ['ignore', 'ignore', 'pipe'] })
  return {
    key: readFileSync(keyFile, 'utf8'),
    cert: readFileSync(certFile, 'utf8'),
    keyFile,
    certFile,
  }
}
