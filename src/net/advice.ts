import { systemCode } from '../model/errors.ts'

/** What to do about somebody who says nothing. */
export const SILENCE = 'see whether a firewall is in between, and try again'

/** What Node's codes for a connection that did not come about ask of an operator. */
const ADVICE = new Map([
  ['ENOTFOUND', 'check the spelling of the host, and DNS'],
  ['EAI_AGAIN', 'check the network and DNS'],
  ['ECONNREFUSED', 'see whether it runs, and on that port'],
  ['ETIMEDOUT', SILENCE],
  ...['EHOSTUNREACH', 'ENETUNREACH'].map((code) => [code, 'check the network'] as const),
  ...['ECONNRESET', 'UND_ERR_SOCKET'].map(
    (code) => [code, 'it hung up: try again, and see whether a proxy is in between'] as const,
  ),
  ...['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG'].map(
    (code) => [code, 'if it speaks plain http, configure it with tls = false'] as const,
  ),
  // https://nodejs.org/api/tls.html#x509-certificate-error-codes
  ...[
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'UNABLE_TO_GET_ISSUER_CERT',
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  ].map((code) => [code, 'if you trust its authority, add that to [tls] ca'] as const),
])

/**
 * Says what to do about a connection that failed.
 *
 * @returns `undefined` if its error tells nothing that an operator could act on
 */
export function adviceOn(error: unknown): string | undefined {
  return ADVICE.get(systemCode(error) ?? '')
}
