import type { Credential } from '../../model/credential.ts'
import { PurserError } from '../../model/errors.ts'
import { type CredentialKeys, optionalKey } from '../../model/keys.ts'
import { Secret } from '../../model/secret.ts'
import { readPair, refuseForeignKeys, requireKey } from '../keys.ts'

/** As Microsoft Entra numbers everything. */
const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
/** A tenant has a domain too: `acme.onmicrosoft.com`. */
const DOMAIN = /^[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,8}$/i

/**
 * Reads the keys by which Azure's users name an identity: a service principal with its secret, or,
 * by a client id alone, one of the identities of this machine.
 *
 * @returns `undefined` if none of them is there
 * @throws `credential-incomplete` if some are there and others missing, or not what Microsoft makes
 */
export function readAzureKeys(keys: CredentialKeys): Credential | undefined {
  const clientSecret = optionalKey(keys, 'AZURE_CLIENT_SECRET')
  if (clientSecret !== undefined) {
    return {
      kind: 'azure',
      tenantId: requireTenant(keys),
      clientId: requireClient(keys),
      clientSecret: new Secret(clientSecret),
    }
  }
  const pair = readPair(keys)
  if (pair !== undefined) return pair
  if (optionalKey(keys, 'AZURE_CLIENT_ID') !== undefined) {
    return { kind: 'ambient-azure', clientId: requireClient(keys) }
  }
  // A tenant alone was meant to be one with an application.
  if (optionalKey(keys, 'AZURE_TENANT_ID') !== undefined) requireKey(keys, 'AZURE_CLIENT_ID')
  return refuseForeignKeys(
    keys,
    'Azure',
    'AZURE_CLIENT_ID, AZURE_CLIENT_SECRET and AZURE_TENANT_ID, or USERNAME and PASSWORD',
  )
}

function requireClient(keys: CredentialKeys): string {
  const clientId = requireKey(keys, 'AZURE_CLIENT_ID')
  if (GUID.test(clientId)) return clientId
  // Not shown: what stands in its place may be the secret.
  throw new PurserError(
    'credential-incomplete',
    'AZURE_CLIENT_ID is not the id of an application',
    {
      hint: 'it is a number such as 00000000-0000-0000-0000-000000000000',
    },
  )
}

function requireTenant(keys: CredentialKeys): string {
  const tenantId = requireKey(keys, 'AZURE_TENANT_ID')
  if (GUID.test(tenantId) || DOMAIN.test(tenantId)) return tenantId
  throw new PurserError('credential-incomplete', 'AZURE_TENANT_ID is not a tenant', {
    hint: 'it is a number such as 00000000-0000-0000-0000-000000000000, or a domain of the tenant',
  })
}
