import type { IdentityConfig } from '../config/config.ts'
import { type Credential, identityNamedBy } from '../model/credential.ts'
import { isWithin } from '../model/grammar.ts'
import type { Target } from '../model/target.ts'
import type { Source } from './source.ts'

/**
 * The identities that the configuration gives to registries by name: of those whose prefix the
 * repository begins with, the longest.
 *
 * A client that names no repository gets those of the whole host, as from the vault.
 */
export function identitiesSource(identities: readonly IdentityConfig[]): Source {
  const longestFirst = identities.toSorted((a, b) => b.prefix.length - a.prefix.length)
  return {
    name: 'identity',
    async find(target) {
      const found = longestFirst.find((identity) => covers(identity, target))
      if (found === undefined) return undefined
      const credential = credentialOf(found)
      return { credential, from: nameIdentity(found, credential) }
    },
  }
}

/** What the identity is to be had by. */
export function credentialOf({ profile, role }: IdentityConfig): Credential {
  return { kind: 'ambient-aws', profile, role }
}

function covers({ host, prefix }: IdentityConfig, target: Target): boolean {
  return host.name === target.host.name && isWithin(target.repository ?? '', prefix)
}

function nameIdentity({ host, prefix }: IdentityConfig, credential: Credential): string {
  const place = prefix === '' ? host.name : `${host.name}/${prefix}`
  const identity = identityNamedBy(credential) ?? 'that of this machine'
  return `[[identity]] for ${place}: ${identity}`
}
