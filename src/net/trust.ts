import { X509Certificate } from 'node:crypto'
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls'
import { PurserError } from '../model/errors.ts'

/** Whom connections trust. */
export interface Trust {
  /** All of the runtime's own roots and the operator's. */
  all(): SecureContext
  /**
   * The operator's, and of the runtime's own those that the host's cloud is known to use: all of them
   * take 7 ms to read, which is a tenth of what a helper takes. A chain that leads to one of these is
   * one that all of them trust; a chain that does not says nothing, and is to be tried with all.
   *
   * @returns `undefined` if nothing is known of the host's cloud
   */
  few(hostname: string): SecureContext | undefined
}

/** A cloud that has its own authority: its domains, and what the certificates of its roots begin with. */
interface Authority {
  readonly domains: readonly string[]
  /** Version, lengths and serial number, in the base64 of PEM: no two roots share them. */
  readonly roots: readonly string[]
}

/** Of whom it is known. */
export const AUTHORITIES: readonly Authority[] = [
  {
    domains: ['amazonaws.com', 'api.aws', 'on.aws'],
    // Amazon Root CA 1 to 4: https://www.amazontrust.com/repository/
    roots: [
      'MIIDQTCCAimgAwIBAgITBmyfz5m/jAo5',
      'MIIFQTCCAymgAwIBAgITBmyf0pY1hp8K',
      'MIIBtjCCAVugAwIBAgITBmyf1XSXNmY/',
      'MIIB8jCCAXigAwIBAgITBmyf18G7EEwp',
    ],
  },
  {
    domains: ['googleapis.com'],
    // GTS Root R1, R3 and R4: https://pki.goog/repository/
    roots: [
      'MIIFVzCCAz+gAwIBAgINAgPlk28xsBNJ',
      'MIICCTCCAY6gAwIBAgINAgPluILrIPgl',
      'MIICCTCCAY6gAwIBAgINAgPlwGjvYxqc',
    ],
  },
]

/**
 * Makes the contexts of connections, each on first use: a helper that connects nowhere has none.
 *
 * They trust the runtime's own roots and the operator's, and nobody else. The default context would
 * also trust what NODE_EXTRA_CA_CERTS, SSL_CERT_FILE and NODE_USE_SYSTEM_CA name: whoever sets a
 * variable would read the credentials.
 *
 * @param ca - the operator's certificates, PEM
 * @returns what throws `config-invalid` if `ca` is not PEM
 */
export function createTrust(ca: readonly string[]): Trust {
  const contexts = new Map<Authority | 'all', SecureContext>()

  function contextOf(whose: Authority | 'all'): SecureContext {
    const known = contexts.get(whose)
    if (known !== undefined) return known
    const own = ca.flatMap(readCertificates)
    const roots = getCACertificates('bundled').filter((root) => whose === 'all' || has(whose, root))
    // As one text, which takes OpenSSL a fifth less time than one certificate after the other.
    const context = createSecureContext({
      ca: [...roots, ...own].join('\n'),
      minVersion: 'TLSv1.2',
    })
    contexts.set(whose, context)
    return context
  }

  return {
    all: () => contextOf('all'),
    few(hostname) {
      const authority = AUTHORITIES.find(({ domains }) =>
        domains.some((domain) => hostname.endsWith(`.${domain}`)),
      )
      return authority && contextOf(authority)
    },
  }
}

const BEGIN = '-----BEGIN CERTIFICATE-----\n'

function has({ roots }: Authority, certificate: string): boolean {
  return roots.some((root) => certificate.startsWith(root, BEGIN.length))
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** OpenSSL skips what it cannot read without a word: the operator would wonder for long. */
function readCertificates(text: string): readonly string[] {
  const certificates = text.match(CERTIFICATE)
  if (certificates === null) {
    throw new PurserError('config-invalid', 'a file of [tls] ca holds no PEM certificate')
  }
  for (const certificate of certificates) {
    try {
      new X509Certificate(certificate)
    } catch (error) {
      const what = 'a file of [tls] ca holds a damaged certificate'
      throw new PurserError('config-invalid', what, { cause: error })
    }
  }
  return certificates
}
