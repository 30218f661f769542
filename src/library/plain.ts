import { defaultConfig } from '../config/config.ts'
import { findPaths } from '../config/paths.ts'
import type { CredentialKeys } from '../model/keys.ts'
import { once } from '../model/once.ts'
import { DEFAULT_WORKSPACE } from '../model/target.ts'
import { createRegistries } from '../registries/all.ts'
import { parseRequest } from '../request/request.ts'
import { requestSources } from '../sources/request.ts'
import { aboutImage, chooseProvider, parseBuildRegistry, placeOfImage } from './choice.ts'
import type { CredentialProvider, ProviderChoice } from './contract.ts'
import { type Exchanges, mintToken, provideFromVariables } from './provider.ts'

type Env = Readonly<Record<string, string | undefined>>

/** How clouds are asked without any configuration. */
export interface ExchangeOptions {
  /** Names the proxy by which the network is left. Default: none. */
  readonly env?: Env
  readonly signal?: AbortSignal
}

/** What says whose credential it is, where a request does not. */
export interface ImageOptions extends ExchangeOptions {
  /** Where the platform pushes what it builds: `host`, or `host/prefix`. */
  readonly buildRegistry?: string
}

/**
 * Makes a provider of a registry's logins from variables, of which those that are not set do not count.
 * No file is read, and no variable changed.
 *
 * @param place - a registry, or an image of it
 * @param names - the variables that hold the credential
 * @throws `credential-incomplete` if some are set, and others that belong to them are not; or if they
 * are another registry's
 */
export function createProviderFromEnv(
  place: string,
  names: readonly string[],
  env: Env,
): Promise<CredentialProvider> {
  return provideFromVariables(place, names, env, plainExchanges(env))
}

/**
 * Makes a login of a credential's keys, in the form that requests carry. No file is read.
 *
 * @param place - a registry, or an image of it
 * @returns `user:password`; the empty string if the registry wants none, as requests say that there
 * is nothing
 * @throws `credential-incomplete` naming what is missing; `exchange-failed` if a cloud refuses
 */
export function getRegistryTokenForImage(
  place: string,
  keys: CredentialKeys,
  { env = {}, signal }: ExchangeOptions = {},
): Promise<string> {
  return mintToken(place, keys, plainExchanges(env), signal)
}

/**
 * Chooses, of the credentials that a container request brings, the one that its image is read with.
 *
 * @param request - the JSON with which the container is started
 * @param reference - the container's image
 * @throws `request-invalid` if the request, or the credential for this image, cannot be read
 */
export async function getCredentialProviderForImage(
  request: string,
  reference: string,
  { buildRegistry: named, env = {}, signal }: ImageOptions = {},
): Promise<ProviderChoice> {
  const exchanges = plainExchanges(env)
  const image = placeOfImage(reference)
  const buildRegistry = named === undefined ? undefined : parseBuildRegistry(named)
  const about = aboutImage(parseRequest(request), image, buildRegistry)
  const registries = await exchanges.registries()
  const sources = requestSources(about, { registries, buildRegistry })
  const target = { ...image, workspace: DEFAULT_WORKSPACE, action: 'pull' } as const
  return chooseProvider(sources, target, exchanges, signal ?? new AbortController().signal)
}

/** Loaded when a cloud is asked; its connections keep no program from ending. */
function plainExchanges(env: Env): Exchanges {
  const dial = once(async () => {
    const { openDialer } = await import('../net/way-out.ts')
    return openDialer(defaultConfig(findPaths({}, 0)), { env, uid: undefined })
  })
  const net = once(async () => {
    const { createNet } = await import('../net/undici.ts')
    return createNet(await dial())
  })
  const httpsAgent = once(async () => {
    const { createHttpsAgent } = await import('../net/https-agent.ts')
    return createHttpsAgent(await dial())
  })
  const now = Date.now
  return { registries: async () => createRegistries({ httpsAgent, net, env, now }), now }
}
