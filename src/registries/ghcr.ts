import { optionalKey } from '../model/keys.ts'
import { basic, readPair, refuseForeignKeys } from './keys.ts'
import { type Registry, unsupportedCredential } from './registry.ts'
import { loginWithin } from './static-login.ts'

/** GitHub looks at the token alone; this is the name that its own documentation gives to nobody. */
const ANY_USER = 'x-access-token'

/** GitHub's own; those of GitHub Enterprise have any name, and are what the configuration says. */
const HOSTS = new Set(['ghcr.io', 'docker.pkg.github.com'])

/**
 * GitHub's container registry: a classic token, or the one of a workflow, with or without its user's
 * name.
 *
 * @see https://docs.github.com/packages/working-with-a-github-packages-registry/working-with-the-container-registry
 */
export const ghcr: Registry = {
  name: 'ghcr',
  matches: ({ name }) => HOSTS.has(name),
  read(keys) {
    const token = optionalKey(keys, 'GITHUB_TOKEN')
    if (token !== undefined && optionalKey(keys, 'GITHUB_USERNAME') === undefined) {
      // In a workflow: whoever started it, and in whose name it has the token.
      return basic(optionalKey(keys, 'GITHUB_ACTOR') ?? ANY_USER, token)
    }
    return (
      readPair(keys, [['GITHUB_USERNAME', 'GITHUB_TOKEN']]) ??
      readPair(keys) ??
      refuseForeignKeys(keys, 'GitHub', 'GITHUB_TOKEN, and GITHUB_USERNAME if you like')
    )
  },
  audience: ({ name }) => name,
  async exchange(credential, { host }) {
    const login = credential.kind === 'basic' ? loginWithin(credential) : undefined
    if (login === undefined) throw unsupportedCredential(ghcr, credential, host)
    return login
  },
}
