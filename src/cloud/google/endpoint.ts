import { PurserError } from '../../model/errors.ts'
import { quote } from '../../model/host.ts'

/** Google's services that give tokens. */
export type GoogleService = 'oauth2' | 'sts' | 'iamcredentials'

/** `us-central1`; multi-regions are not among the endpoints of these services. */
const REGION = '[a-z]+-[a-z]+[0-9]+'

/**
 * Where each service answers: for all the world, for who shows a certificate, in a region, and by a
 * name that the operator has made for Private Service Connect.
 *
 * To both ends and label by label: a file that somebody was sent may name
 * `sts.googleapis.com.evil.example`, or a bucket's own name below `googleapis.com`.
 *
 * @see https://cloud.google.com/docs/authentication/external/externally-sourced-credentials
 * @see https://cloud.google.com/iam/docs/workload-identity-federation-with-deployment-pipelines
 * @see https://cloud.google.com/vpc/docs/about-accessing-google-apis-endpoints
 */
const HOSTS: Readonly<Record<GoogleService, RegExp>> = {
  oauth2: /^(?:oauth2(?:\.mtls)?\.googleapis|www\.googleapis|accounts\.google)\.com$/,
  sts: hostsOf('sts'),
  iamcredentials: hostsOf('iamcredentials'),
}

function hostsOf(service: string): RegExp {
  return new RegExp(
    `^${service}(?:\\.mtls|\\.${REGION}\\.rep|-[a-z](?:[a-z0-9-]*[a-z0-9])?\\.p)?\\.googleapis\\.com$`,
  )
}

/**
 * Reads a URL of a credential file, which says where to ask for a token.
 *
 * @param property - its name in the file
 * @throws `policy` if it is not one of Google's own: whoever is asked there is shown the credential
 */
export function parseEndpoint(service: GoogleService, property: string, text: string): URL {
  const url = URL.parse(text)
  if (
    url !== null &&
    url.protocol === 'https:' &&
    url.port === '' &&
    url.username === '' &&
    url.password === '' &&
    HOSTS[service].test(url.hostname)
  ) {
    return url
  }
  throw new PurserError('policy', `${property} ${quote(text)} is not one of Google's`, {
    hint: `it must be https and on ${service}.googleapis.com: do not use a file that you were sent`,
  })
}

/** The account that a URL of `generateAccessToken` is about, and where it is asked for. */
export interface Impersonation {
  readonly principal: string
  readonly origin: string
  readonly url: string
}

const GENERATE = /^\/v1\/projects\/-\/serviceAccounts\/([^/:]{1,256}):generateAccessToken$/

/**
 * Reads `https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/NAME:generateAccessToken`.
 *
 * @throws `policy` if it is not Google's; `credential-incomplete` if it names no account
 * @see https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken
 */
export function parseImpersonation(text: string): Impersonation {
  const property = 'service_account_impersonation_url'
  const url = parseEndpoint('iamcredentials', property, text)
  const principal = GENERATE.exec(url.pathname)?.[1]
  if (principal !== undefined && url.search === '' && url.hash === '') {
    return { principal: decodeURIComponent(principal), origin: url.origin, url: url.href }
  }
  throw new PurserError('credential-incomplete', `${property} ${quote(text)} names no account`, {
    hint: 'make the file anew with gcloud',
  })
}
