import { Secret } from './secret.ts'

/** What a docker client gets. */
export interface Login {
  readonly username: string
  readonly secret: Secret
  /** `undefined` if it has no end that anybody has told. */
  readonly expiresAt: Date | undefined
}

/**
 * The user name that says: the secret is an identity token, not a password.
 *
 * @see https://github.com/docker/cli/blob/master/docs/reference/commandline/login.md
 */
export const IDENTITY_TOKEN_USER = '<token>'

/**
 * What a helper answers that has no login: clients compare the whole answer with it, and go on without.
 *
 * @see https://github.com/docker/docker-credential-helpers/blob/master/credentials/error.go
 */
export const NOT_FOUND = 'credentials not found in native keychain'

/** Whether the secret is a refresh token for the registry's token service. */
export function isIdentityToken(login: Login): boolean {
  return login.username === IDENTITY_TOKEN_USER
}

/** Whether a client would send the same for both. */
export function sameLogin(a: Login, b: Pick<Login, 'username' | 'secret'>): boolean {
  return a.username === b.username && a.secret.equals(b.secret)
}

/** A login that ends when somebody ends it. */
export function staticLogin(username: string, secret: Secret | string): Login {
  return {
    username,
    secret: typeof secret === 'string' ? new Secret(secret) : secret,
    expiresAt: undefined,
  }
}
