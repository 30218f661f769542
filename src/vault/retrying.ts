import { codeOf } from '../model/errors.ts'
import type { Vault } from './vault.ts'

/** Wraps a vault: a call that fails because the key has changed is made again with the new key. */
export function retryingByKey(vault: Vault, refresh: () => Promise<void>): Vault {
  async function again<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (codeOf(error) !== 'key-invalid') throw error
      await refresh()
      return work()
    }
  }
  return {
    ...vault,
    find: (...asked) => again(() => vault.find(...asked)),
    findByHostname: (...asked) => again(() => vault.findByHostname(...asked)),
    list: (...asked) => again(() => vault.list(...asked)),
    put: (...asked) => again(() => vault.put(...asked)),
    remove: (...asked) => again(() => vault.remove(...asked)),
    image: (...asked) => again(() => vault.image(...asked)),
    pushedTo: (...asked) => again(() => vault.pushedTo(...asked)),
    images: (...asked) => again(() => vault.images(...asked)),
    linkImage: (...asked) => again(() => vault.linkImage(...asked)),
    unlinkImage: (...asked) => again(() => vault.unlinkImage(...asked)),
  }
}
