import * as v from 'valibot'
import { PurserError } from '../../model/errors.ts'
import { Secret } from '../../model/secret.ts'
import type { JsonAnswer } from '../../net/exchange.ts'

/** A token of Microsoft Entra for container registries, and whose it is. */
export interface AzureToken {
  readonly secret: Secret
  /** For people: which identity, and of what kind. */
  readonly identity: string
  /** `undefined` if the machine knows it, and does not say. */
  readonly tenantId: string | undefined
}

/**
 * For whom the token is: container registries and nobody else, in every part of the cloud. The one
 * for the resource manager would be good for all that the identity may do.
 *
 * @see https://github.com/Azure/azure-sdk-for-net/issues/34785
 */
export const REGISTRY_AUDIENCE = 'https://containerregistry.azure.net'

/** What the most liberal server accepts in a header; with the roles of many groups it has 10 KiB. */
const MAX_TOKEN_LENGTH = 64 * 1024

/** A token as Microsoft makes them, or as any header could hold. */
export const tokenText = v.pipe(
  v.string(),
  v.maxLength(MAX_TOKEN_LENGTH),
  v.regex(/^[\x21-\x7e]+$/),
)

const granted = v.object({ access_token: tokenText })

/** Reads the token of an answer. @throws `exchange-failed` if there is no token in it */
export function parseToken(what: string, { document }: JsonAnswer): Secret {
  const result = v.safeParse(granted, document)
  if (result.success) return new Secret(result.output.access_token)
  throw new PurserError('exchange-failed', `${what}: an answer without a token`, {
    hint: 'see who answers: it may be a proxy',
  })
}
