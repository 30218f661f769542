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

function makeContext(ca: readonly string[]): SecureContext {
  // OpenSSL ignores text in which it finds no certificate: the operator would wonder for long.
  if (ca.some((text) => !text.includes('-----BEGIN CERTIFICATE-----'))) {
    throw new PurserError('config-invalid', 'a file of [tls] ca holds no PEM certificate')
  }
  try {
    return createSecureContext({
      ca: [...getCACertificates('bundled'), ...ca],
      minVersion: 'TLSv1.2',
    })
  } catch (error) {
    throw new PurserError('config-invalid', 'cannot use the certificates of [tls] ca', {
      cause: error,
    })
  }
}
