import { optionalKey } from '../model/keys.ts'
import { basic, readPair, refuseForeignKeys } from './keys.ts'
import { type Registry, unsupportedCredential } from './registry.ts'
import { loginWithin } from './static-login.ts'

/** The user's name on NGC is literally this; in a shell it wants single quotes. */
const API_KEY_USER = '$oauthtoken'

/**
 * NVIDIA's registry: an API key.
 *
 * @see https://docs.nvidia.com/ngc/gpu-cloud/ngc-private-registry-user-guide/
 */
export const ngc: Registry = {
  name: 'ngc',
  matches: ({ name }) => name === 'nvcr.io',
  read(keys) {
    const apiKey = optionalKey(keys, 'NGC_API_KEY')
    if (apiKey !== undefined) return basic(API_KEY_USER, apiKey)
    return readPair(keys) ?? refuseForeignKeys(keys, 'nvcr.io', 'NGC_API_KEY')
  },
  audience: ({ name }) => name,
  async exchange(credential, { host }) {
    const login = credential.kind === 'basic' ? loginWithin(credential) : undefined
    if (login === undefined) throw unsupportedCredential(ngc, credential, host)
    return login
  },
}
