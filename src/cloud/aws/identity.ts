import { parseKnownFiles } from '@smithy/core/config'
import type { AmbientAwsCredential, AwsCredential, AwsRole } from '../../model/credential.ts'
import { PurserError } from '../../model/errors.ts'
import type { AwsPlace } from './client.ts'
import { askContainer } from './container.ts'
import { type Endpoints, readEndpoints } from './endpoint.ts'
import { type AwsKeys, type KeySource, keysOfEnvironment } from './keys.ts'
import { nameRole } from './name.ts'
import { runProgram } from './program.ts'
import { chooseSource, profileOf } from './source.ts'

/** Keys, and where they are to be shown. */
export interface AwsIdentity {
  readonly keys: AwsKeys
  readonly endpoints: Endpoints
}

/**
 * Finds the keys that a credential stands for: its own, the machine's, or those of the role that it
 * is to take on with either.
 *
 * The SDK reads the machine's files by itself, where `HOME`, `AWS_CONFIG_FILE` and
 * `AWS_SHARED_CREDENTIALS_FILE` of this process say; all else is read from the environment that it is
 * given here.
 *
 * @returns `undefined` if the machine has no identity
 * @throws if one is set up, or asked for by name, and cannot be had
 */
export async function findIdentity(
  credential: AwsCredential | AmbientAwsCredential,
  place: AwsPlace,
): Promise<AwsIdentity | undefined> {
  const { env } = place
  const { role } = credential
  if (credential.kind === 'aws') {
    const endpoints = readEndpoints(env, undefined)
    return { keys: await inRole(role, credential, place, endpoints), endpoints }
  }
  const sections = await parseKnownFiles({ ignoreCache: true })
  const profile = { name: profileOf(credential, env) ?? 'default', sections }
  const endpoints = readEndpoints(env, profile)
  const source = chooseSource(credential, env, sections)
  const keys = source && (await fetchKeys(source, place, endpoints))
  if (keys !== undefined) return { keys: await inRole(role, keys, place, endpoints), endpoints }
  if (role === undefined) return undefined
  throw new PurserError(
    'exchange-failed',
    `cannot take on ${nameRole(role)}: this machine has no identity to do it with`,
    { hint: 'name a profile beside the role, or log in with keys' },
  )
}

async function inRole(
  role: AwsRole | undefined,
  keys: AwsKeys,
  place: AwsPlace,
  endpoints: Endpoints,
): Promise<AwsKeys> {
  if (role === undefined) return keys
  const { assumeRole } = await import('./sts.ts')
  return assumeRole(role, keys, place, endpoints)
}

/**
 * Each kind of source loads what it needs by itself: an SDK's client costs 30 ms.
 *
 * @returns `undefined` if it is the metadata service's to say, and there is none
 */
async function fetchKeys(
  source: KeySource,
  place: AwsPlace,
  endpoints: Endpoints,
): Promise<AwsKeys | undefined> {
  switch (source.kind) {
    case 'keys':
      return source.keys
    case 'environment':
      return requireKeys(keysOfEnvironment(place.env), 'the environment has no AWS keys')
    case 'role': {
      const by = await fetchKeys(source.by, place, endpoints)
      const keys = requireKeys(by, `nobody to take on ${nameRole(source.role)}`)
      return inRole(source.role, keys, place, endpoints)
    }
    case 'web-identity': {
      const { assumeRoleWithWebIdentity } = await import('./sts.ts')
      return assumeRoleWithWebIdentity(source.role, source.file, place, endpoints)
    }
    case 'program':
      return runProgram(source.command, { ...place, profile: source.profile })
    case 'sso': {
      const { getSsoKeys } = await import('./sso.ts')
      return getSsoKeys(source.profile, place, endpoints)
    }
    case 'container':
      return askContainer(place)
    case 'instance': {
      const { askInstance } = await import('./instance.ts')
      return askInstance(place.signal)
    }
  }
}

function requireKeys(keys: AwsKeys | undefined, otherwise: string): AwsKeys {
  if (keys !== undefined) return keys
  throw new PurserError('exchange-failed', otherwise, {
    hint: 'see credential_source in ~/.aws/config: it names what is not there',
  })
}
