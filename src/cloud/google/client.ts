import {
  type AuthClient,
  AwsClient,
  ExternalAccountAuthorizedUserClient,
  IdentityPoolClient,
  JWT,
  type OAuth2ClientOptions,
  UserRefreshClient,
} from 'google-auth-library'
import { PurserError } from '../../model/errors.ts'
import type {
  ExternalAccount,
  GoogleAccount,
  ImpersonatedAccount,
  ServiceAccount,
} from './account.ts'
import { awsSupplier } from './aws.ts'
import type { GooglePlace } from './place.ts'
import { readSubjectToken } from './subject.ts'
import type { Transport } from './transport.ts'

/** What Google's registries want, and all that is needed to stand in for another account. */
export const SCOPE = 'https://www.googleapis.com/auth/cloud-platform'

/** At most an hour, by Google's rule. */
const ASSERTION_S = 3600
/**
 * Google takes no assertion from the future, not by a second.
 *
 * @see https://github.com/golang/oauth2/blob/master/jws/jws.go
 */
const HEADSTART_S = 10

/** The SDK's client for an identity. */
export function createClient(
  account: Exclude<GoogleAccount, ImpersonatedAccount>,
  transport: Transport,
  place: GooglePlace,
): AuthClient {
  const shared = {
    transporter: transport.gaxios,
    // The SDK's own log shows tokens to whoever sets GOOGLE_SDK_NODE_LOGGING.
    useAuthRequestParameters: false,
  }
  switch (account.type) {
    case 'service_account':
      return new JWT({ ...shared, ...signer(account, place.now()) })
    case 'authorized_user':
      return new UserRefreshClient({
        ...shared,
        clientId: account.clientId,
        clientSecret: account.clientSecret.reveal(),
        refreshToken: account.refreshToken.reveal(),
      })
    case 'external_account_authorized_user':
      return new ExternalAccountAuthorizedUserClient({
        ...shared,
        type: 'external_account_authorized_user',
        audience: account.audience,
        token_url: account.tokenUrl,
        token_info_url: '',
        client_id: account.clientId,
        client_secret: account.clientSecret.reveal(),
        refresh_token: account.refreshToken.reveal(),
      })
    case 'external_account':
      return sendAllBy(transport, createExternal(account, shared, place))
  }
}

/** The claims of the clock that is given, which the SDK would take from the process. */
function signer({ email, privateKey }: ServiceAccount, now: number) {
  const iat = Math.floor(now / 1000) - HEADSTART_S
  return {
    email,
    key: privateKey.reveal(),
    scopes: [SCOPE],
    additionalClaims: { iat, exp: iat + ASSERTION_S },
  }
}

function createExternal(
  account: ExternalAccount,
  shared: OAuth2ClientOptions,
  place: GooglePlace,
): AuthClient {
  const { source, target, lifetimeS, clientId, clientSecret, userProject } = account
  const options = {
    ...shared,
    type: 'external_account',
    audience: account.audience,
    subject_token_type: account.subjectTokenType,
    token_url: account.tokenUrl,
    ...(target && { service_account_impersonation_url: target.url }),
    ...(lifetimeS !== undefined && {
      service_account_impersonation: { token_lifetime_seconds: lifetimeS },
    }),
    ...(clientId !== undefined && { client_id: clientId }),
    ...(clientSecret && { client_secret: clientSecret.reveal() }),
    ...(userProject !== undefined && { workforce_pool_user_project: userProject }),
  }
  if (source.kind === 'aws') {
    return new AwsClient({ ...options, aws_security_credentials_supplier: awsSupplier(place) })
  }
  const getSubjectToken = () => readSubjectToken(source, place)
  return new IdentityPoolClient({ ...options, subject_token_supplier: { getSubjectToken } })
}

/**
 * The SDK hands the transporter that it was given to all of its parts but one: that which shows the
 * proof would go its own way, by the environment's proxy and with no bounds.
 *
 * @throws `internal` if the SDK is made otherwise: better no token than one by another way
 */
function sendAllBy({ gaxios }: Transport, client: AuthClient): AuthClient {
  const part: unknown = Reflect.get(client, 'stsCredential')
  if (typeof part !== 'object' || part === null || !('transporter' in part)) {
    throw new PurserError('internal', "the SDK's part that shows a proof is not where it was")
  }
  part.transporter = gaxios
  return client
}
