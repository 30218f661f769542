import * as v from 'valibot'
import type { Credential } from '../model/credential.ts'
import { PurserError } from '../model/errors.ts'
import { isBase64 } from '../model/grammar.ts'
import { IDENTITY_TOKEN_USER } from '../model/login.ts'
import { Secret } from '../model/secret.ts'

const text = v.nullish(v.string(), '')

/** @see https://pkg.go.dev/github.com/docker/cli/cli/config/types#AuthConfig */
const entry = v.looseObject({
  auth: text,
  username: text,
  password: text,
  identitytoken: text,
  registrytoken: text,
})

/**
 * Reads an entry of `auths`.
 *
 * @param where - what names it in errors
 * @returns `undefined` if it is empty: docker leaves such a one where a helper has the login
 * @throws `config-invalid` if it cannot be read; `credential-unsupported` for a `registrytoken`
 */
export function readAuthEntry(value: unknown, where: string): Credential | undefined {
  const parsed = v.safeParse(entry, value)
  if (!parsed.success) {
    const key = v.getDotPath(parsed.issues[0])
    throw new PurserError(
      'config-invalid',
      key === null ? `${where} is not a table` : `${where}.${key} is not a text`,
    )
  }
  const { auth, username, password, identitytoken, registrytoken } = parsed.output
  if (registrytoken !== '') {
    throw new PurserError('credential-unsupported', `${where}.registrytoken cannot be handed on`, {
      hint: 'it is a token of minutes, for one client: log in with a user name and a password',
    })
  }
  if (identitytoken !== '') return { kind: 'identity-token', token: new Secret(identitytoken) }
  if (auth !== '') return credentialOf(...decode(auth, where), where)
  return username === '' && password === '' ? undefined : credentialOf(username, password, where)
}

/** What a user name and a password are, or an identity token in their place. */
export function credentialOf(username: string, password: string, where: string): Credential {
  if (username === '' || password === '') {
    const missing = username === '' ? 'user name' : 'password'
    throw new PurserError('credential-incomplete', `${where} has no ${missing}`)
  }
  const secret = new Secret(password)
  return username === IDENTITY_TOKEN_USER
    ? { kind: 'identity-token', token: secret }
    : { kind: 'basic', username, password: secret }
}

function decode(auth: string, where: string): [username: string, password: string] {
  const base64 = auth.replace(/[\r\n]/g, '')
  const decoded = isBase64(base64) ? Buffer.from(base64, 'base64').toString('utf8') : ''
  const colon = decoded.indexOf(':')
  if (colon === -1) {
    throw new PurserError('config-invalid', `${where}.auth is not user:password in base64`)
  }
  // Early versions of docker filled the password up with NULs.
  return [decoded.slice(0, colon), decoded.slice(colon + 1).replace(/^\0+|\0+$/g, '')]
}
