import {
  AssumeRoleCommand,
  AssumeRoleWithWebIdentityCommand,
  type Credentials,
  STSClient,
} from '@aws-sdk/client-sts'
import type { AwsRole } from '../../model/credential.ts'
import { PurserError } from '../../model/errors.ts'
import { Secret } from '../../model/secret.ts'
import { readTokenFile } from '../token-file.ts'
import { type AwsPlace, revealKeys, settingsFor } from './client.ts'
import type { Endpoints } from './endpoint.ts'
import { type AwsHints, faultOf } from './fault.ts'
import type { AwsKeys } from './keys.ts'
import { nameKey, nameRole } from './name.ts'

/** As the account's log shows it, where nobody has chosen another. */
const SESSION_NAME = 'purser'
const MAX_ATTEMPTS = 3
/** A service account's token has about 1 KiB. */
const MAX_TOKEN_LENGTH = 20_000

const HINTS: AwsHints = {
  AccessDenied:
    'allow the identity sts:AssumeRole on the role, and let the role trust it; see the external id too',
  ExpiredToken: 'the token or session that takes on the role has ended: get a new one',
  InvalidIdentityToken:
    'see whether the account knows the issuer of the token as identity provider',
  IDPRejectedClaim: 'see whether the token has ended, and whether the role trusts its subject',
  '': 'see the AWS documentation of sts:AssumeRole',
}

/**
 * Takes on a role, by keys.
 *
 * @throws `exchange-failed` if Amazon refuses; `network` if it does not answer
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 */
export async function assumeRole(
  role: AwsRole,
  keys: AwsKeys,
  place: AwsPlace,
  endpoints: Endpoints,
): Promise<AwsKeys> {
  const { settings, handler } = settingsFor('STS', place, endpoints, MAX_ATTEMPTS)
  const client = new STSClient({ ...settings, credentials: revealKeys(keys) })
  const what = `taking on ${nameRole(role)} with ${nameKey(keys.accessKeyId)}`
  try {
    const command = new AssumeRoleCommand({
      RoleArn: role.arn,
      RoleSessionName: role.sessionName ?? SESSION_NAME,
      ...(role.externalId !== undefined && { ExternalId: role.externalId }),
    })
    return parse(what, await client.send(command))
  } catch (error) {
    place.signal.throwIfAborted()
    throw faultOf(what, error, handler, HINTS)
  }
}

/**
 * Takes on a role by a token that the platform keeps in a file, as EKS does for a service account.
 *
 * @throws `exchange-failed` if the file cannot be read, or Amazon refuses; `network` if it does not
 * answer
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
 */
export async function assumeRoleWithWebIdentity(
  role: AwsRole,
  file: string,
  place: AwsPlace,
  endpoints: Endpoints,
): Promise<AwsKeys> {
  const { settings, handler } = settingsFor('STS', place, endpoints, MAX_ATTEMPTS)
  const client = new STSClient(settings)
  const what = `taking on ${nameRole(role)} by web identity`
  const token = (await readTokenFile(file, 'the web identity token file')).trim()
  if (token === '' || token.length > MAX_TOKEN_LENGTH) {
    throw new PurserError('exchange-failed', `${what}: the file holds no token`)
  }
  try {
    const command = new AssumeRoleWithWebIdentityCommand({
      RoleArn: role.arn,
      RoleSessionName: role.sessionName ?? SESSION_NAME,
      WebIdentityToken: token,
    })
    return parse(what, await client.send(command))
  } catch (error) {
    place.signal.throwIfAborted()
    throw faultOf(what, error, handler, HINTS)
  }
}

function parse(
  what: string,
  { Credentials: made }: { Credentials?: Credentials | undefined },
): AwsKeys {
  if (!made?.AccessKeyId || !made.SecretAccessKey || !made.SessionToken) {
    throw new PurserError('exchange-failed', `${what}: the answer is no keys`)
  }
  return {
    accessKeyId: made.AccessKeyId,
    secretAccessKey: new Secret(made.SecretAccessKey),
    sessionToken: new Secret(made.SessionToken),
  }
}
