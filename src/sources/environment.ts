import { codeOf, PurserError } from '../model/errors.ts'
import { tryParseHost } from '../model/host.ts'
import type { CredentialKeys } from '../model/keys.ts'
import type { Target } from '../model/target.ts'
import { registryOf } from '../registries/all.ts'
import { ghcr } from '../registries/ghcr.ts'
import type { Registry } from '../registries/registry.ts'
import type { Source } from './source.ts'

type Env = Readonly<Record<string, string | undefined>>

/** Variables that belong to one kind of registry by their name. */
interface OwnVariables {
  /** Without this one, the others mean nothing. */
  readonly secret: string
  readonly others: readonly string[]
}

/**
 * By {@link Registry.name}. Amazon's are not among them: its chain of providers reads them, in
 * Amazon's own order. Neither are USERNAME, PASSWORD and their like, which do not say for whom they
 * are: whoever asked first would get them.
 */
const OWN: Readonly<Record<string, readonly OwnVariables[]>> = {
  ngc: [{ secret: 'NGC_API_KEY', others: [] }],
  ghcr: [{ secret: 'GITHUB_TOKEN', others: ['GITHUB_USERNAME', 'GITHUB_ACTOR'] }],
  dockerhub: [
    { secret: 'DOCKERHUB_PASSWORD', others: ['DOCKERHUB_USERNAME'] },
    { secret: 'DOCKERHUB_TOKEN', others: ['DOCKERHUB_USERNAME'] },
  ],
  gar: [{ secret: 'GCP_ACCESS_TOKEN', others: [] }],
  acr: [{ secret: 'AZURE_CLIENT_SECRET', others: ['AZURE_CLIENT_ID', 'AZURE_TENANT_ID'] }],
}

/**
 * The variables by which a registry's users, and the builders that they use, pass a credential.
 *
 * @see https://docs.gitlab.com/ci/variables/predefined_variables/ for CI_REGISTRY and its login
 */
export function environmentSource(env: Env, registries: readonly Registry[]): Source {
  return {
    name: 'environment',
    async find(target) {
      const registry = registryOf(registries, target.host)
      const pair = ofGitLab(env, target)
      if (pair !== undefined)
        return found(registry, pair, ['CI_REGISTRY_USER', 'CI_REGISTRY_PASSWORD'])
      const keys = ownKeys(env, registry, target)
      return keys && found(registry, keys, Object.keys(keys))
    },
  }
}

function found(registry: Registry, keys: CredentialKeys, names: readonly string[]) {
  try {
    const credential = registry.read(keys)
    return credential && { credential, from: `${names.join(', ')} of the environment` }
  } catch (error) {
    throw new PurserError(codeOf(error), 'the environment cannot be used', { cause: error })
  }
}

function ownKeys(env: Env, { name }: Registry, target: Target): CredentialKeys | undefined {
  const own = OWN[name]?.find(({ secret }) => env[secret])
  if (own === undefined) return undefined
  if (own.secret === 'GITHUB_TOKEN' && !isOfServer(env['GITHUB_SERVER_URL'], target))
    return undefined
  return pick(env, [own.secret, ...own.others])
}

/**
 * In a workflow of GitHub Enterprise, the token is that server's, and no other is to see it.
 *
 * @see https://docs.github.com/actions/reference/workflows-and-actions/variables
 */
function isOfServer(server: string | undefined, { host }: Target): boolean {
  const hostname = URL.parse(server || 'https://github.com')?.hostname
  if (hostname === 'github.com') return ghcr.matches(host)
  return host.name === `containers.${hostname}` || host.name === hostname
}

/** GitLab's jobs are told the registry of their server, and a login for it. */
function ofGitLab(env: Env, { host }: Target): CredentialKeys | undefined {
  const { CI_REGISTRY: registry = '', CI_REGISTRY_USER: user, CI_REGISTRY_PASSWORD: password } = env
  if (!user || !password || tryParseHost(registry)?.name !== host.name) return undefined
  return { USERNAME: user, PASSWORD: password }
}

function pick(env: Env, names: readonly string[]): CredentialKeys {
  return Object.fromEntries(names.flatMap((name) => (env[name] ? [[name, env[name]]] : [])))
}
