import type { Runtime } from '../app.ts'
import type { Config } from '../config/config.ts'
import { readClientSecret } from '../config/file.ts'
import { readNamedValue } from '../config/named-value.ts'
import { PurserError } from '../model/errors.ts'
import { Secret } from '../model/secret.ts'
import type { ClientAuth } from '../proxy/client-auth.ts'

/**
 * Who may use the proxy, with the password if there is one.
 *
 * @throws `config-invalid` if it cannot be read, or is empty; `unsafe-file` if others could read it
 */
export function clientAuthOf(
  { clientAuth, clientSecret }: Config['proxy'],
  { env, uid }: Pick<Runtime, 'env' | 'uid'>,
): ClientAuth {
  if (clientAuth !== 'basic' || clientSecret === undefined) {
    return { kind: clientAuth === 'lease' ? 'lease' : 'open' }
  }
  const file = (path: string) => readClientSecret(path, uid)
  const secret = readNamedValue(clientSecret, { env, file })
  if (secret) return { kind: 'basic', secret: new Secret(secret) }
  throw new PurserError('config-invalid', `client_secret of [proxy]: ${clientSecret} holds nothing`)
}
