import { X509Certificate } from 'node:crypto'
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls'
import { PurserError } from '../model/errors.ts'

/**
 * Whom connections trust: the runtime's own roots and the operator's, and nobody else.
 *
 * The default context would also trust what NODE_EXTRA_CA_CERTS, SSL_CERT_FILE and
 * NODE_USE_SYSTEM_CA name: whoever sets a variable would read the credentials.
 *
 * @param ca - the operator's certificates, PEM
 * @returns a function that makes the context on first use: parsing 120 roots takes 15 ms, which a
 * helper that connects nowhere should not pay. It throws `config-invalid` if `ca` is not PEM.
 */
export function createTrust(ca: readonly string[]): () => SecureContext {
  let context: SecureContext | undefined
  return () => {
    context ??= makeContext(ca)
    return context
  }
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

function makeContext(ca: readonly string[]): SecureContext {
  const own = ca.flatMap(readCertificates)
  return createSecureContext({
    ca: [...getCACertificates('bundled'), ...own],
    minVersion: 'TLSv1.2',
  })
}

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
