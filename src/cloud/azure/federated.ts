import { PurserError } from '../../model/errors.ts'
import { Secret } from '../../model/secret.ts'
import { readTokenFile } from '../token-file.ts'
import { type AzureCloud, authorityOf, parseAuthority } from './authority.ts'
import type { Application } from './entra.ts'

/** A service account's token has 1 to 2 KiB. */
const MAX_TOKEN_LENGTH = 16 * 1024

/** Three parts in base64url. */
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/

type Env = Readonly<Record<string, string | undefined>>

/**
 * Reads the federated identity that a platform gives to a container: a token in a file, which the
 * platform replaces within the hour, or in a variable.
 *
 * @param clientId - of the application to be; `undefined` for the one that the platform names
 * @returns `undefined` if there is none
 * @throws `credential-incomplete` if the platform says only a part; `exchange-failed` if the token
 * cannot be read; `policy` if the authority is not Microsoft's
 * @see https://learn.microsoft.com/azure/aks/workload-identity-overview
 */
export async function findFederated(
  env: Env,
  clientId: string | undefined,
  cloud: AzureCloud,
): Promise<Application | undefined> {
  const file = env['AZURE_FEDERATED_TOKEN_FILE'] || undefined
  const given = env['AZURE_FEDERATED_TOKEN'] || undefined
  if (file === undefined && given === undefined) return undefined
  const where = file === undefined ? 'AZURE_FEDERATED_TOKEN' : 'AZURE_FEDERATED_TOKEN_FILE'
  const required = (name: string, value = env[name]) => {
    if (value) return value
    throw new PurserError('credential-incomplete', `${where} is set, and ${name} is not`, {
      hint: 'the platform sets them together, for a service account with an application',
    })
  }
  const authority = env['AZURE_AUTHORITY_HOST']
  const application = {
    authority: authority ? parseAuthority(authority) : authorityOf(cloud),
    tenantId: required('AZURE_TENANT_ID'),
    clientId: required('AZURE_CLIENT_ID', clientId ?? env['AZURE_CLIENT_ID']),
  }
  const text = (file === undefined ? given : await readTokenFile(file, where))?.trim() ?? ''
  if (text.length > MAX_TOKEN_LENGTH || !JWT.test(text)) {
    throw new PurserError('exchange-failed', `${where} holds no token`, {
      hint: 'it is to be a JSON web token, as a service account has one',
    })
  }
  return { ...application, proof: { kind: 'assertion', token: new Secret(text) } }
}
