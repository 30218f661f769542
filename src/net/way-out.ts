import type { Config } from '../config/config.ts'
import { readCertificates, readProxyLogin } from '../config/file.ts'
import { readNamedValue } from '../config/named-value.ts'
import { PurserError } from '../model/errors.ts'
import { Secret } from '../model/secret.ts'
import { createDialer, type Dial } from './dial.ts'
import { findWebProxy } from './web-proxy.ts'

/** The variables and the user by which a dialer is opened. */
export interface DialerEnvironment {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The effective user id; `undefined` where the platform has none. */
  readonly uid: number | undefined
}

/**
 * Makes the one place where sockets are opened, as the configuration has it.
 *
 * @throws `config-invalid` if what it names is not there or no good; `unsafe-file` if others could
 * change it, or read a login
 */
export function openDialer(
  { connect, tls, net }: Pick<Config, 'connect' | 'tls' | 'net'>,
  environment: DialerEnvironment,
): Dial {
  const { env, uid } = environment
  const login = net.proxyAuth === undefined ? undefined : readLogin(net.proxyAuth, environment)
  return createDialer({
    ca: tls.ca.map((path) => readCertificates(path, uid)),
    connect,
    proxy: findWebProxy({ proxy: net.proxy, login, exceptions: net.noProxy }, env),
  })
}

/** @param from `file:PATH` or `env:NAME` */
function readLogin(from: string, { env, uid }: DialerEnvironment): Secret {
  const login = readNamedValue(from, { env, file: (path) => readProxyLogin(path, uid) })
  // RFC 7617: a user's name has no colon, and neither of the two a control character.
  if (login !== undefined && /^[^:\p{Cc}]+:\P{Cc}*$/u.test(login)) return new Secret(login)
  throw new PurserError('config-invalid', `proxy_auth of [net]: ${from} holds no user:password`)
}
