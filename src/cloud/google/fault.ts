import * as v from 'valibot'
import { describeError, PurserError } from '../../model/errors.ts'
import { tryParseJson } from '../../model/json.ts'
import { adviceOn } from '../../net/advice.ts'
import type { GoogleAccount } from './account.ts'
import type { Answer } from './ask.ts'
import type { Transport } from './transport.ts'

/** Google's names for what is wrong; what else stands in their place may quote what was sent. */
const name = v.pipe(v.string(), v.regex(/^[A-Za-z_]{1,64}$/))

/** RFC 6749 5.2; Google says in a subtype that a person must show up again. */
const oauthError = v.object({ error: name, error_subtype: v.optional(name) })
/** @see https://google.aip.dev/193 */
const apiError = v.object({ error: v.object({ status: name }) })

/** What Google answered when it refused. */
interface Refusal {
  /** `invalid_grant`, `PERMISSION_DENIED`. */
  readonly code: string
  readonly subtype: string | undefined
}

/** Reads why Google has refused. @returns `undefined` if it does not say why */
export function refusalOf({ body }: Answer): Refusal | undefined {
  const value = tryParseJson(body)
  const oauth = v.safeParse(oauthError, value)
  if (oauth.success) return { code: oauth.output.error, subtype: oauth.output.error_subtype }
  const api = v.safeParse(apiError, value)
  return api.success ? { code: api.output.error.status, subtype: undefined } : undefined
}

/**
 * What Google refused, in one line.
 *
 * The SDK's error is no cause of ours: it leads to the request, whose body is the credential.
 *
 * @param what - what was tried, and with which identity
 */
export function faultOf(
  what: string,
  error: unknown,
  account: GoogleAccount,
  { answer, failure }: Pick<Transport, 'answer' | 'failure'>,
): PurserError {
  const own = [error, failure].find((each) => each instanceof PurserError)
  if (own !== undefined) {
    return new PurserError(own.code, `${what}: ${describeError(own)}`, { hint: own.hint })
  }
  if (failure !== undefined) {
    return new PurserError('network', `${what}: ${describeError(failure)}`, {
      hint: adviceOn(failure),
    })
  }
  // The SDK has not come as far as to ask.
  if (answer === undefined) {
    return new PurserError('exchange-failed', `${what}: ${describeError(error)}`)
  }
  return refused(what, answer, (refusal) => hintFor(account, refusal))
}

/** The fault that an answer is; `hint` is asked what to do about it. */
export function refused(
  what: string,
  answer: Answer,
  hint: (refusal: Refusal) => string | undefined,
): PurserError {
  if (answer.status < 400) {
    return new PurserError('exchange-failed', `${what}: the answer is no token`, {
      hint: 'see who answers: a proxy, or an address that [connect] sends to',
    })
  }
  const { status } = answer
  const refusal = refusalOf(answer)
  const why = [refusal?.code, refusal?.subtype, `status ${status}`].filter(Boolean).join(', ')
  const trouble = 'Google is in trouble: see https://status.cloud.google.com, and try again'
  return new PurserError('exchange-failed', `${what}: ${why}`, {
    hint: status >= 500 ? trouble : refusal && hint(refusal),
  })
}

/** What may stand behind a name, for whichever identity it is. */
const HINTS: Readonly<Record<string, string>> = {
  RESOURCE_EXHAUSTED: 'Google allows no more questions at the moment; try again later',
  NOT_FOUND: 'there is no such service account: see the address of it in the credential file',
  PERMISSION_DENIED:
    'grant roles/iam.serviceAccountTokenCreator (or workloadIdentityUser) on the account, and enable the IAM Service Account Credentials API',
  invalid_target: 'see audience: the pool or its provider is gone, disabled, or another one',
  invalid_scope: 'the identity may not ask for cloud-platform: see its scopes',
  unauthorized_client: 'see whether the organisation allows the account to log in',
  invalid_client: 'log in again: the client of the login is gone',
}

function hintFor(account: GoogleAccount, { code, subtype }: Refusal): string | undefined {
  if (code !== 'invalid_grant') return HINTS[code]
  const source = account.type === 'impersonated_service_account' ? account.source : account
  switch (source.type) {
    case 'service_account':
      return 'its key is deleted or disabled, or the account is: log in with a new key'
    case 'authorized_user':
    case 'external_account_authorized_user':
      return subtype === 'invalid_rapt'
        ? 'the organisation wants you to log in again: run gcloud auth login'
        : 'the login is revoked, or has ended: run gcloud auth application-default login'
    case 'external_account':
      return "the proof was not taken: see the provider's issuer, audience and condition"
  }
}
