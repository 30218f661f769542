import { readPair, refuseForeignKeys } from './keys.ts'
import { type Registry, unsupportedCredential } from './registry.ts'
import { loginWithin } from './static-login.ts'

/** Any registry that has no kind of its own: a user name and password, or an identity token. */
export const generic: Registry = {
  name: 'generic',
  matches: () => true,
  read: (keys) =>
    readPair(keys, [
      ['REGISTRY_USERNAME', 'REGISTRY_PASSWORD'],
      ['DOCKER_USERNAME', 'DOCKER_PASSWORD'],
      ['USERNAME', 'PASSWORD'],
    ]) ?? refuseForeignKeys(keys, 'this registry', 'USERNAME and PASSWORD'),
  async exchange(credential, { host }) {
    const login = credential.kind === 'gcp-token' ? undefined : loginWithin(credential)
    if (login === undefined) throw unsupportedCredential(generic, credential, host)
    return login
  },
}
