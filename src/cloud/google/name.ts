import { quote } from '../../model/host.ts'
import type { GoogleAccount } from './account.ts'

/** As Google makes the addresses of its accounts. */
const ADDRESS = /^[A-Za-z0-9._%+-]{1,128}@[A-Za-z0-9.-]{1,128}$/

/** Which identity it is, for people. */
export function nameAccount(account: GoogleAccount): string {
  switch (account.type) {
    case 'service_account':
      return `service account ${nameAddress(account.email)}`
    case 'authorized_user':
      return account.name === undefined ? "a user's login" : `user ${nameAddress(account.name)}`
    case 'external_account_authorized_user':
      return `a login of ${namePool(account.audience)}`
    case 'impersonated_service_account': {
      const target = `service account ${nameAddress(account.target.principal)}`
      return `${target}, impersonated by ${nameAccount(account.source)}`
    }
    case 'external_account': {
      const pool = `an identity of ${namePool(account.audience)}`
      if (account.target === undefined) return pool
      return `service account ${nameAddress(account.target.principal)}, impersonated by ${pool}`
    }
  }
}

function nameAddress(address: string): string {
  return ADDRESS.test(address) ? address : quote(address)
}

/** `//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/POOL/providers/NAME`. */
function namePool(audience: string): string {
  const [, pool, provider] =
    /\/(work(?:load|force)[A-Za-z]*Pools\/[\w-]+)\/providers\/([\w-]+)$/.exec(audience) ?? []
  return pool === undefined ? quote(audience) : `${pool}/providers/${provider}`
}
