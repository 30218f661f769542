import { PurserError } from '../model/errors.ts'
import { CREDENTIAL_KEYS, type CredentialKeys, optionalKey } from '../model/keys.ts'
import { type KeyPair, readPair, refuseForeignKeys } from './keys.ts'
import { type Registry, unsupportedCredential } from './registry.ts'
import { loginWithin } from './static-login.ts'

/** As variables are named; what else stands around the words may not be shown. */
const OWN_KEY = /^([A-Z0-9_]{0,64})(USERNAME|PASSWORD)([A-Z0-9_]{0,64})$/

/** Any registry that has no kind of its own: a user name and password, or an identity token. */
export const generic: Registry = {
  name: 'generic',
  matches: () => true,
  read: (keys) =>
    readPair(keys, [
      ['REGISTRY_USERNAME', 'REGISTRY_PASSWORD'],
      ['DOCKER_USERNAME', 'DOCKER_PASSWORD'],
      ['USERNAME', 'PASSWORD'],
    ]) ??
    readPair(keys, ownPair(keys)) ??
    refuseForeignKeys(keys, 'this registry', 'USERNAME and PASSWORD'),
  audience: ({ name }) => name,
  async exchange(credential, { host }) {
    const login = credential.kind === 'gcp-token' ? undefined : loginWithin(credential)
    if (login === undefined) throw unsupportedCredential(generic, credential, host)
    return login
  },
}

/**
 * The pair that users made up for a registry of their own: `ACME_USERNAME` and `ACME_PASSWORD`.
 *
 * A key of another registry is never half of one: it was not meant for this one.
 *
 * @throws `credential-incomplete` if there are several, for one of them may be a database's
 */
function ownPair(keys: CredentialKeys): readonly KeyPair[] {
  const pairs = new Map<string, KeyPair>()
  for (const key of Object.keys(keys)) {
    const isForeign = CREDENTIAL_KEYS.some((each) => each === key)
    const [, before = '', , after = ''] = OWN_KEY.exec(key) ?? []
    if (isForeign || before + after === '' || optionalKey(keys, key) === undefined) continue
    pairs.set(`${before} ${after}`, [`${before}USERNAME${after}`, `${before}PASSWORD${after}`])
  }
  if (pairs.size > 1) {
    const names = [...pairs.values()].map((pair) => pair.join(' and '))
    throw new PurserError(
      'credential-incomplete',
      `which keys are for this registry: ${names.join(', or ')}`,
      { hint: 'give USERNAME and PASSWORD alone' },
    )
  }
  return [...pairs.values()]
}
