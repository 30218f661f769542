import { createFingerprint } from '../cache/fingerprint.ts'
import { createUptime } from '../cache/uptime.ts'
import { createLoginCache } from '../logins/login-cache.ts'
import type { Credential } from '../model/credential.ts'
import type { CredentialKeys } from '../model/keys.ts'
import type { Login } from '../model/login.ts'
import { DEFAULT_WORKSPACE, type Target } from '../model/target.ts'
import { registryOf } from '../registries/all.ts'
import type { Registry } from '../registries/registry.ts'
import { keysFor } from '../request/registry-credentials.ts'
import { hostOfRegistry, parsePlace } from '../request/registry-name.ts'
import { createResolver } from '../resolver.ts'
import type { CredentialProvider, RegistryLogin } from './contract.ts'

/** What providers are made with. */
export interface Exchanges {
  registries(): Promise<readonly Registry[]>
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** Makes the provider of one registry's logins, each exchanged when it is asked for and kept for a while. */
export function provideFrom(
  name: string,
  { host, repository }: Pick<Target, 'host' | 'repository'>,
  credential: Credential,
  { registries, now }: Exchanges,
): CredentialProvider {
  const cache = createLoginCache({ now, uptime: createUptime(), sealed: undefined })
  const fingerprint = createFingerprint()
  const sources = [{ name, find: async () => ({ credential, from: name }) }]
  return {
    name,
    async getCredentials(registry, signal = new AbortController().signal) {
      if (hostOfRegistry(registry)?.name !== host.name) return undefined
      const options = { sources, registries: await registries(), cache, now, fingerprint }
      const target = { workspace: DEFAULT_WORKSPACE, host, repository, action: 'pull' } as const
      const found = await createResolver(options).resolve(target, signal)
      return found && loginOf(found.login)
    },
  }
}

/** The login as a client sends it. */
function loginOf({ username, secret, expiresAt }: Login): RegistryLogin {
  return { username, password: secret.reveal(), expiresAt }
}

/**
 * Makes a provider of keys that were given.
 *
 * @param place - a registry, or an image of it
 */
async function provideFromKeys(
  place: string,
  keys: CredentialKeys,
  exchanges: Exchanges,
): Promise<CredentialProvider> {
  const host = parsePlace(place)
  const credential = registryOf(await exchanges.registries(), host).read(keys)
  const at = { host, repository: undefined }
  return credential === undefined ? nobody : provideFrom(host.name, at, credential, exchanges)
}

/** For what anybody may read. */
const nobody: CredentialProvider = { name: 'public', getCredentials: async () => undefined }

/**
 * Makes a provider of variables, of which those that are not set do not count.
 *
 * @param place - a registry, or an image of it
 * @param names - the variables that hold the credential
 * @throws `credential-incomplete` if some are set, and others that belong to them are not; or if they
 * are another registry's
 */
export function provideFromVariables(
  place: string,
  names: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  exchanges: Exchanges,
): Promise<CredentialProvider> {
  const keys = names.flatMap((name) => {
    const value = Object.hasOwn(env, name) ? env[name] : undefined
    return value ? [[name, value] as const] : []
  })
  return provideFromKeys(place, Object.fromEntries(keys), exchanges)
}

/**
 * Makes a login of keys, in the form that requests carry.
 *
 * @param place - a registry, or an image of it
 * @returns `user:password`; the empty string if the registry wants none, as requests say that there
 * is nothing
 * @throws `credential-incomplete` naming what is missing; `exchange-failed` if a cloud refuses
 */
export async function mintToken(
  place: string,
  keys: CredentialKeys,
  exchanges: Exchanges,
  signal?: AbortSignal,
): Promise<string> {
  const { name } = parsePlace(place)
  const own = keysFor(name, keys)
  if (own === undefined) return ''
  const provider = await provideFromKeys(name, own, exchanges)
  const login = await provider.getCredentials(name, signal)
  return login === undefined ? '' : `${login.username}:${login.password}`
}
