import type { LookupAddress, LookupOptions, lookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { PurserError, systemCode } from '../model/errors.ts'
import { isAddress, isPublicAddress } from './address.ts'

/**
 * Where a connection may lead to: anywhere, or to public addresses alone. `known` is that too, and a
 * name that a registry is known to have its token service under: nobody but its owner chose it.
 */
export type Guard = 'none' | 'public' | 'known'

/** Refuses what is not public. */
export interface Guards {
  /** @throws `policy` if the hostname is an address that is not public; names are not looked up */
  checkAddress(hostname: string): void
  /** Looks a name up as `dns.lookup` does, and gives it up if any of its addresses is not public. */
  readonly lookup: LookupFunction
  /**
   * Checks the name of what another will connect to, as far as it can be looked up here.
   *
   * @throws `policy` if any of its addresses is not public; or if it has none, unless it is known
   */
  checkName(hostname: string, guard: Guard): Promise<void>
}

/**
 * Makes guards.
 *
 * The check is here and not on the URL because a public name may resolve to 169.254.169.254, and
 * to another address each time it is asked: what is checked must be what is dialled.
 *
 * @param resolve - the system's, or a test's own
 * @see https://github.com/google/go-containerregistry/issues/2440
 */
export function createGuards(resolve: typeof lookup): Guards {
  function lookUp(hostname: string, options: LookupOptions): Promise<readonly LookupAddress[]> {
    return new Promise((settle, reject) => {
      resolve(hostname, { ...options, all: true }, (error, addresses) => {
        if (error !== null) return reject(error)
        const refused = addresses.find(({ address }) => !isPublicAddress(address))
        if (refused === undefined) settle(addresses)
        else reject(notPublic(hostname, refused.address))
      })
    })
  }

  function checkAddress(hostname: string): void {
    if (isAddress(hostname) && !isPublicAddress(hostname)) throw notPublic(hostname, hostname)
  }

  return {
    checkAddress,
    lookup(hostname, options, callback) {
      lookUp(hostname, options).then(
        (addresses) => {
          const [first] = addresses
          if (options.all === true || first === undefined) callback(null, [...addresses])
          else callback(null, first.address, first.family)
        },
        (error) => callback(error, []),
      )
    },
    async checkName(hostname, guard) {
      if (guard === 'none') return
      checkAddress(hostname)
      if (isAddress(hostname)) return
      try {
        await lookUp(hostname, {})
      } catch (error) {
        if (systemCode(error) === 'policy') throw error
        if (guard !== 'known') throw notToBeChecked(hostname, error)
      }
    },
  }
}

const LIST_IT =
  'if it is yours, list it as an [[upstream]], or its origin in realms or storage of one'

function notPublic(hostname: string, address: string): PurserError {
  const at = hostname === address ? address : `${hostname} at ${address}`
  return new PurserError('policy', `refused to connect to ${at}: not a public address`, {
    hint: LIST_IT,
  })
}

function notToBeChecked(hostname: string, cause: unknown): PurserError {
  const what = `refused to have the proxy connect to ${hostname}, whose address is not known here`
  return new PurserError('policy', what, {
    cause,
    hint: "if you trust it, add its origin to the upstream's realms, or to its storage",
  })
}
