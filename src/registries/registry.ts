import type { Credential } from '../model/credential.ts'
import { PurserError } from '../model/errors.ts'
import type { Host } from '../model/host.ts'
import type { CredentialKeys } from '../model/keys.ts'
import type { Login } from '../model/login.ts'
import type { Target } from '../model/target.ts'

/** What kind of registry a host is, and how a credential becomes a login there. */
export interface Registry {
  readonly name: string
  matches(host: Host): boolean
  /**
   * Reads the keys by which this registry's users name their credentials, such as `NGC_API_KEY`.
   *
   * @returns `undefined` if none of the registry's keys is there: its public images need none.
   * @throws `credential-incomplete` if some are there and others missing.
   */
  read(keys: CredentialKeys): Credential | undefined
  /**
   * What a login of this host is good for: hosts of the same audience share one. An exchange is made
   * once for each identity and audience.
   */
  audience(host: Host): string
  /**
   * @returns `undefined` if the credential stands for an identity that this machine turns out not to
   * have: a miss, and the next source is asked
   * @throws `credential-unsupported` if this kind of credential cannot log in here; `exchange-failed`
   * if the cloud refuses; `network` if it does not answer
   */
  exchange(credential: Credential, target: Target, signal: AbortSignal): Promise<Login | undefined>
}

export function unsupportedCredential(
  registry: Pick<Registry, 'name'>,
  credential: Credential,
  host: Host,
): PurserError {
  return new PurserError(
    'credential-unsupported',
    `${host.name} is ${registry.name}, which cannot use a credential of kind ${credential.kind}`,
    { hint: 'purser login --help says what it takes' },
  )
}
