import { PurserError } from '../../model/errors.ts'

/** Parts of Microsoft's cloud that share no identity. */
export type AzureCloud = 'public' | 'us-government' | 'china' | 'germany'

/** @see https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud */
const AUTHORITIES: Readonly<Record<AzureCloud, string>> = {
  public: 'https://login.microsoftonline.com',
  'us-government': 'https://login.microsoftonline.us',
  china: 'https://login.chinacloudapi.cn',
  germany: 'https://login.microsoftonline.de',
}

/**
 * Whoever is named here is shown the proof of an identity: Microsoft's own and nobody else, whatever
 * a variable says.
 */
const KNOWN = new Set([...Object.values(AUTHORITIES), 'https://login.partner.microsoftonline.cn'])

/** Where the identities of a part of Microsoft's cloud are asked for tokens. */
export function authorityOf(cloud: AzureCloud): URL {
  return new URL(AUTHORITIES[cloud])
}

/**
 * The authority that a platform says is the one of its identity.
 *
 * @param text - of `AZURE_AUTHORITY_HOST`
 * @throws `policy` if it is not one of Microsoft's
 * @see https://azure.github.io/azure-workload-identity/docs/installation/mutating-admission-webhook.html
 */
export function parseAuthority(text: string): URL {
  const url = URL.parse(text)
  if (url !== null && KNOWN.has(url.origin) && `${url.origin}/` === url.href) return url
  throw new PurserError('policy', 'AZURE_AUTHORITY_HOST is not an authority of Microsoft Entra', {
    hint: `it may be ${[...KNOWN].join(', ')}`,
  })
}
