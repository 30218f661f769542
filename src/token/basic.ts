import { PurserError } from '../model/errors.ts'
import type { Host } from '../model/host.ts'
import { isIdentityToken, type Login } from '../model/login.ts'
import { Secret } from '../model/secret.ts'

/**
 * The value of an Authorization header with a login's user name and password.
 *
 * @throws `credential-unsupported` if the login cannot be sent in this way.
 * @see https://www.rfc-editor.org/rfc/rfc7617#section-2
 */
export function basicHeader(host: Host, login: Login): Secret {
  if (isIdentityToken(login)) {
    throw new PurserError(
      'credential-unsupported',
      `${host.name} takes a password, and the credential is an identity token`,
      { hint: 'log in with a password or an access token' },
    )
  }
  // The server would take what follows the colon for a part of the password.
  if (login.username.includes(':')) {
    throw new PurserError(
      'credential-unsupported',
      `the user name for ${host.name} has a colon, which a registry cannot be told`,
      { hint: 'log in with a user name that has none' },
    )
  }
  const pair = `${login.username}:${login.secret.reveal()}`
  return new Secret(`Basic ${Buffer.from(pair, 'utf8').toString('base64')}`)
}
