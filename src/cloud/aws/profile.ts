import { PurserError } from '../../model/errors.ts'
import { quote } from '../../model/host.ts'
import { Secret } from '../../model/secret.ts'
import type { Sections } from './endpoint.ts'
import type { AwsKeys, KeySource } from './keys.ts'

type Section = Sections[string]

/** Roles are named one by another; nobody means more of them than this. */
const MAX_CHAIN = 8

/**
 * Where a profile's keys come from, followed through its sources to the first.
 *
 * @returns `undefined` if the profile names no identity, but a region or such
 * @throws `credential-incomplete` if it, or a profile that it names, is not there or not whole;
 * `credential-unsupported` if a person would have to be asked
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
 */
export function readProfile(sections: Sections, name: string): KeySource | undefined {
  return follow(sections, name, [])
}

/** Whether the files have a profile of that name. */
export function hasProfile(sections: Sections, name: string): boolean {
  return Object.hasOwn(sections, name)
}

function follow(sections: Sections, name: string, above: readonly string[]): KeySource | undefined {
  const section = Object.hasOwn(sections, name) ? sections[name] : undefined
  if (section === undefined) throw missing(name, above)
  if (above.length >= MAX_CHAIN) throw incomplete(name, 'its sources come to no end')
  const own = keysOf(section)
  const isRole = hasSource(section) || (own === undefined && section['role_arn'] !== undefined)
  // The keys of a profile that others name as their source are meant, whatever role it has itself.
  if (own !== undefined && (above.length > 0 || !isRole)) return { kind: 'keys', keys: own }
  if (!isRole || section['web_identity_token_file'] !== undefined) return leaf(section, name)
  const { role_arn: arn } = section
  const by = sourceOf(sections, name, section, above)
  return arn === undefined ? by : role(name, arn, section, by)
}

function hasSource(section: Section): boolean {
  return section['source_profile'] !== undefined || section['credential_source'] !== undefined
}

function role(name: string, arn: string, section: Section, by: KeySource): KeySource {
  if (section['mfa_serial'] !== undefined) {
    throw new PurserError(
      'credential-unsupported',
      `profile ${quote(name)} wants a code of mfa_serial, and there is nobody to ask for it`,
      { hint: 'name a profile with the keys of a session instead: aws sts get-session-token' },
    )
  }
  const { external_id: externalId, role_session_name: sessionName } = section
  return { kind: 'role', role: { arn, externalId, sessionName }, by }
}

function sourceOf(
  sections: Sections,
  name: string,
  section: Section,
  above: readonly string[],
): KeySource {
  const { source_profile: source, credential_source: named } = section
  if ((source === undefined) === (named === undefined)) {
    throw incomplete(name, 'a role needs either source_profile or credential_source')
  }
  if (source === undefined) {
    switch (named) {
      case 'Environment':
        return { kind: 'environment' }
      case 'EcsContainer':
        return { kind: 'container' }
      case 'Ec2InstanceMetadata':
        return { kind: 'instance' }
      default:
        throw incomplete(name, `credential_source ${quote(named ?? '')} is none that Amazon knows`)
    }
  }
  // A profile may name itself, for its own keys; whoever else comes round again has none.
  const isOwn = source === name && keysOf(section) !== undefined
  if (!isOwn && [...above, name].includes(source)) {
    throw incomplete(name, `its source ${quote(source)} is its own: they go in a circle`)
  }
  const found = follow(sections, source, [...above, name])
  if (found === undefined) throw incomplete(source, 'it names no identity')
  return found
}

/** An identity that stands for itself. */
function leaf(section: Section, name: string): KeySource | undefined {
  const { web_identity_token_file: file, role_arn: arn, credential_process: command } = section
  if (file !== undefined) {
    if (arn === undefined) throw incomplete(name, 'web_identity_token_file needs role_arn')
    const role = { arn, externalId: undefined, sessionName: section['role_session_name'] }
    return { kind: 'web-identity', file, role }
  }
  if (command !== undefined) return { kind: 'program', command, profile: name }
  if (['sso_session', 'sso_start_url', 'sso_account_id'].some((key) => section[key])) {
    return { kind: 'sso', profile: name }
  }
  if (section['login_session'] !== undefined) {
    throw new PurserError('credential-unsupported', `profile ${quote(name)} has a login_session`, {
      hint: 'use sso_session, or credential_process = aws configure export-credentials',
    })
  }
  return undefined
}

function keysOf(section: Section): AwsKeys | undefined {
  const { aws_access_key_id: accessKeyId, aws_secret_access_key: secret } = section
  if (accessKeyId === undefined || secret === undefined) return undefined
  const { aws_session_token: token } = section
  return {
    accessKeyId,
    secretAccessKey: new Secret(secret),
    sessionToken: token === undefined ? undefined : new Secret(token),
  }
}

function missing(name: string, above: readonly string[]): PurserError {
  const by = above.at(-1)
  const whose = by === undefined ? '' : `, which is the source of ${quote(by)},`
  return new PurserError(
    'credential-incomplete',
    `profile ${quote(name)}${whose} is not in Amazon's configuration files`,
    { hint: 'aws configure list-profiles prints those that are' },
  )
}

function incomplete(name: string, why: string): PurserError {
  return new PurserError('credential-incomplete', `profile ${quote(name)}: ${why}`, {
    hint: 'mend it in ~/.aws/config',
  })
}
