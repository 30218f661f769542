import { fromSSO } from '@aws-sdk/credential-providers'
import { PurserError } from '../../model/errors.ts'
import { quote } from '../../model/host.ts'
import { type AwsPlace, settingsFor } from './client.ts'
import type { Endpoints } from './endpoint.ts'
import { faultOf } from './fault.ts'
import { createSdkHandler } from './handler.ts'
import { type AwsKeys, keysOfSdk } from './keys.ts'

const MAX_ATTEMPTS = 3

const EXPIRED = 'its SSO session has expired'

/** What the SDK says, in whose words a session's token is never, and what of it is told. */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [/expired|Value not present for/i, EXPIRED],
  [/invalid SSO credentials|missing required property/, 'its SSO settings are not whole'],
  [/could not be found|reading 'sso_/, 'its sso-session is not in the file'],
  [/not found or is invalid|is invalid/, 'it has no SSO session'],
]

/**
 * Gets the keys of a profile that logs in through IAM Identity Center, with the session that
 * `aws sso login` has left in `~/.aws/sso/cache`; one that can be renewed is renewed there.
 *
 * The SDK reads `HOME`, `AWS_CONFIG_FILE` and `AWS_SHARED_CREDENTIALS_FILE` of this process by itself.
 *
 * @throws `exchange-failed` if there is no session, or if it is refused; `network` if nobody answers
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-sso-credentials.html
 */
export async function getSsoKeys(
  profile: string,
  place: AwsPlace,
  endpoints: Endpoints,
): Promise<AwsKeys> {
  // The SDK makes two clients of one configuration: which of the two asks, the path says.
  const reroute = (path: string) => endpoints.of(path === '/token' ? 'SSO OIDC' : 'SSO')
  const {
    region: _,
    endpoint: __,
    ...settings
  } = settingsFor('SSO', place, endpoints, MAX_ATTEMPTS).settings
  const { httpsAgent, signal } = place
  const handler = createSdkHandler({ httpsAgent, signal, reroute })
  try {
    const keys = await fromSSO({
      profile,
      clientConfig: { ...settings, requestHandler: handler },
      // An agent lives longer than a file stays as it is.
      ignoreCache: true,
    })()
    return keysOfSdk(keys)
  } catch (error) {
    signal.throwIfAborted()
    throw fault(profile, error, faultOf(`profile ${quote(profile)}: SSO`, error, handler))
  }
}

function fault(profile: string, error: unknown, told: PurserError): PurserError {
  const message = error instanceof Error ? error.message : ''
  const [, reason] = REASONS.find(([pattern]) => pattern.test(message)) ?? []
  const login = `run aws sso login --profile ${profileArgument(profile)}`
  if (reason === undefined || told.code === 'policy') {
    const hint = told.code === 'exchange-failed' ? login : told.hint
    return new PurserError(told.code, told.message, { hint, status: told.status })
  }
  const code = reason === EXPIRED ? 'credential-expired' : 'exchange-failed'
  return new PurserError(code, `profile ${quote(profile)}: ${reason}`, { hint: login })
}

/** As a shell takes it. */
function profileArgument(profile: string): string {
  return /^[\w.@%+/:-]+$/.test(profile) ? profile : quote(profile)
}
