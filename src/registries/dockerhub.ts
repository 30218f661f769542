import { isDockerHub } from '../model/host.ts'
import { optionalKey } from '../model/keys.ts'
import { ANY_PAIRS, readPair, refuseForeignKeys } from './keys.ts'
import { type Registry, unsupportedCredential } from './registry.ts'
import { loginWithin } from './static-login.ts'

/**
 * Docker Hub: a password, a personal or organisation access token in its place, or the identity token
 * that `docker login` keeps.
 *
 * @see https://docs.docker.com/security/access-tokens/
 */
export const dockerHub: Registry = {
  name: 'dockerhub',
  matches: isDockerHub,
  read(keys) {
    const hasPassword = optionalKey(keys, 'DOCKERHUB_PASSWORD') !== undefined
    const hasToken = optionalKey(keys, 'DOCKERHUB_TOKEN') !== undefined
    const secretKey = hasToken && !hasPassword ? 'DOCKERHUB_TOKEN' : 'DOCKERHUB_PASSWORD'
    return (
      readPair(keys, [['DOCKERHUB_USERNAME', secretKey], ...ANY_PAIRS]) ??
      refuseForeignKeys(keys, 'Docker Hub', 'DOCKERHUB_USERNAME and DOCKERHUB_PASSWORD')
    )
  },
  audience: ({ name }) => name,
  async exchange(credential, { host }) {
    const login = credential.kind === 'gcp-token' ? undefined : loginWithin(credential)
    if (login === undefined) throw unsupportedCredential(dockerHub, credential, host)
    return login
  },
}
