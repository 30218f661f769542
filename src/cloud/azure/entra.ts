import { quote } from '../../model/host.ts'
import type { Secret } from '../../model/secret.ts'
import { refusedBy } from './fault.ts'
import { type AzureToken, parseToken, REGISTRY_AUDIENCE } from './token.ts'
import { type AzureWay, askFor, formRequest } from './way.ts'

/** An application of Microsoft Entra, and what shows that it is the one that asks. */
export interface Application {
  readonly authority: URL
  readonly tenantId: string
  readonly clientId: string
  readonly proof:
    | { readonly kind: 'secret'; readonly secret: Secret }
    /** A token of another party that the application trusts. */
    | { readonly kind: 'assertion'; readonly token: Secret }
}

/** @see https://www.rfc-editor.org/rfc/rfc7523#section-2.2 */
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/**
 * Asks Microsoft Entra for a token for container registries.
 *
 * @throws `exchange-failed` if it refuses; `network` if it does not answer
 * @see https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
 */
export async function askEntra(
  { authority, tenantId, clientId, proof }: Application,
  way: AzureWay,
): Promise<AzureToken> {
  const kind = proof.kind === 'secret' ? 'service principal' : 'federated identity'
  const identity = `${kind} ${quote(clientId)}`
  const what = `asking ${authority.host} for a token of ${identity} in tenant ${quote(tenantId)}`
  const url = new URL(`/${encodeURIComponent(tenantId)}/oauth2/v2.0/token`, authority)
  const request = formRequest(url, {
    grant_type: 'client_credentials',
    client_id: clientId,
    scope: `${REGISTRY_AUDIENCE}/.default`,
    ...(proof.kind === 'secret'
      ? { client_secret: proof.secret.reveal() }
      : { client_assertion_type: JWT_BEARER, client_assertion: proof.token.reveal() }),
  })
  const dispatcher = way.net.realm({ allowPrivate: false, isKnown: true })
  const answer = await askFor(what, { dispatcher, request }, way)
  if (answer.status !== 200) throw refusedBy(what, answer)
  return { secret: parseToken(what, answer), identity, tenantId }
}
