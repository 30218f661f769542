import type { Secret } from '../../model/secret.ts'
import type { Impersonation } from './endpoint.ts'
import type { ExternalSource } from './external-source.ts'

/** What a credential file of Google's says. */
export type GoogleAccount =
  | ServiceAccount
  | UserAccount
  | FederatedUserAccount
  | ImpersonatedAccount
  | ExternalAccount

/** An account of a program, by its private key. */
export interface ServiceAccount {
  readonly type: 'service_account'
  readonly email: string
  readonly privateKey: Secret
}

/** A person, by what `gcloud auth login` left. */
export interface UserAccount {
  readonly type: 'authorized_user'
  readonly name: string | undefined
  readonly clientId: string
  readonly clientSecret: Secret
  readonly refreshToken: Secret
}

/** A person of another company's directory. */
export interface FederatedUserAccount {
  readonly type: 'external_account_authorized_user'
  readonly audience: string
  readonly tokenUrl: string
  readonly clientId: string
  readonly clientSecret: Secret
  readonly refreshToken: Secret
}

/** An account that another one stands in for. */
export interface ImpersonatedAccount {
  readonly type: 'impersonated_service_account'
  readonly target: Impersonation
  /** Who stands in for whom on the way to it, as the API names them. */
  readonly delegates: readonly string[]
  readonly source: Exclude<GoogleAccount, ImpersonatedAccount>
}

/** An identity of another cloud, which Google takes for one of its own. */
export interface ExternalAccount {
  readonly type: 'external_account'
  readonly audience: string
  readonly subjectTokenType: string
  readonly tokenUrl: string
  readonly source: ExternalSource
  readonly target: Impersonation | undefined
  readonly lifetimeS: number | undefined
  readonly clientId: string | undefined
  readonly clientSecret: Secret | undefined
  readonly userProject: string | undefined
}

/**
 * As the API names an account; files have the mere address too.
 *
 * @see https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken
 */
export function resourceOf(account: string): string {
  return account.includes('/') ? account : `projects/-/serviceAccounts/${account}`
}
