import { PurserError } from '../model/errors.ts'
import type { Vault } from './vault.ts'

/** The vault of those who may see none: it is empty, and takes nothing. */
export const noVault: Vault = {
  find: async () => [],
  findByHostname: async () => [],
  list: async () => [],
  put: refuse,
  remove: refuse,
  image: async () => undefined,
  pushedTo: async () => [],
  images: async () => [],
  linkImage: refuse,
  unlinkImage: refuse,
  close: async () => undefined,
}

async function refuse(): Promise<never> {
  throw new PurserError('not-allowed', 'a lease keeps no logins of its own', {
    hint: 'log in without PURSER_REQUEST',
  })
}
