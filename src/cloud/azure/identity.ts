import type { AmbientAzureCredential, AzureCredential } from '../../model/credential.ts'
import { type AzureCloud, authorityOf } from './authority.ts'
import { askEntra } from './entra.ts'
import { findFederated } from './federated.ts'
import { askManaged } from './managed.ts'
import type { AzureToken } from './token.ts'
import type { AzureWay } from './way.ts'

/**
 * Asks for a token of an identity: a service principal's own, or what the machine has, which is a
 * federated identity before a managed one.
 *
 * @param cloud - whose registry it is for: no identity of one is known in another
 * @returns `undefined` if the identity is the machine's, and it has none
 * @throws what {@link askEntra}, {@link findFederated} and {@link askManaged} throw
 */
export async function askIdentity(
  credential: AzureCredential | AmbientAzureCredential,
  cloud: AzureCloud,
  way: AzureWay,
): Promise<AzureToken | undefined> {
  if (credential.kind === 'azure') {
    const { tenantId, clientId, clientSecret } = credential
    const proof = { kind: 'secret', secret: clientSecret } as const
    return askEntra({ authority: authorityOf(cloud), tenantId, clientId, proof }, way)
  }
  const { clientId } = credential
  const federated = await findFederated(way.env, clientId, cloud)
  if (federated !== undefined) return askEntra(federated, way)
  // What the environment says is for a machine of Azure: on any other, it says nothing.
  const required = clientId !== undefined
  return askManaged(
    { clientId: clientId ?? (way.env['AZURE_CLIENT_ID'] || undefined), required },
    way,
  )
}
