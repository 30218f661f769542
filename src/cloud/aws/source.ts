import type { AmbientAwsCredential } from '../../model/credential.ts'
import { PurserError } from '../../model/errors.ts'
import { quote } from '../../model/host.ts'
import type { Env, Sections } from './endpoint.ts'
import { type KeySource, keysOfEnvironment } from './keys.ts'
import { hasProfile, readProfile } from './profile.ts'

/**
 * The profile that an identity is of, whether or not the files have it.
 *
 * @returns `undefined` if nobody has named one
 */
export function profileOf(credential: AmbientAwsCredential, env: Env): string | undefined {
  return credential.profile ?? (env['AWS_PROFILE'] || undefined)
}

/**
 * Where the machine's own keys come from: the first place that is set up, in the order of Amazon's
 * SDK. Nobody is asked yet, and if who is then asked refuses, nobody else is: it would be another,
 * weaker identity.
 *
 * @returns `undefined` if nothing is set up
 * @throws what {@link readProfile} throws
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
 */
export function chooseSource(
  credential: AmbientAwsCredential,
  env: Env,
  sections: Sections,
): KeySource | undefined {
  const named = profileOf(credential, env)
  if (named === undefined && keysOfEnvironment(env) !== undefined) return { kind: 'environment' }
  const profile = named ?? 'default'
  if (named !== undefined || hasProfile(sections, profile)) {
    const source = readProfile(sections, profile)
    if (source !== undefined) return source
  }
  // Whoever names a profile in a credential means its identity, not the machine's.
  if (credential.profile !== undefined) {
    throw new PurserError(
      'credential-incomplete',
      `profile ${quote(credential.profile)} names no identity`,
      { hint: 'give it keys, a role_arn, an sso_session or a credential_process' },
    )
  }
  return ofSurroundings(env)
}

function ofSurroundings(env: Env): KeySource | undefined {
  const { AWS_WEB_IDENTITY_TOKEN_FILE: file, AWS_ROLE_ARN: arn } = env
  if (file && arn) {
    const sessionName = env['AWS_ROLE_SESSION_NAME'] || undefined
    return { kind: 'web-identity', file, role: { arn, externalId: undefined, sessionName } }
  }
  const { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: relative } = env
  if (relative || env['AWS_CONTAINER_CREDENTIALS_FULL_URI']) return { kind: 'container' }
  const disabled = env['AWS_EC2_METADATA_DISABLED']?.toLowerCase()
  return disabled && disabled !== 'false' ? undefined : { kind: 'instance' }
}
