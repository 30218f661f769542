import { describe, expect, test } from 'vitest'
import type { Credential } from '../../src/model/credential.ts'
import { codeOf, describeError } from '../../src/model/errors.ts'
import vectors from '../vectors/logins.json' with { type: 'json' }
import { openClouds } from './identities.ts'

/** What each kind of credential becomes at a registry: a login, or the text of an error. */
interface Vector {
  readonly registry: string
  readonly host: string
  readonly logins: Readonly<Record<string, string>>
  readonly faults: Readonly<Record<string, string>>
}

const VECTORS: readonly Vector[] = vectors

describe.each(VECTORS)(
  'a credential at $host, of kind $registry,',
  ({ registry, host, ...told }) => {
    test('becomes a login there, or says why not, whatever its kind', async () => {
      const { identities, kindOf, login } = await openClouds()
      expect(kindOf(host)).toBe(registry)
      const logins: Record<string, string> = {}
      const faults: Record<string, string> = {}
      const outcomes = Object.values<Credential>(identities).map(async (credential) => {
        try {
          logins[credential.kind] = await login(host, credential)
        } catch (error) {
          faults[credential.kind] = `${codeOf(error)}: ${describeError(error)}`
        }
      })
      await Promise.all(outcomes)
      expect({ logins, faults }).toEqual(told)
    })
  },
)

test('each kind of registry has a row', async () => {
  const kinds = ['ecr', 'ecr-public', 'gar', 'acr', 'ngc', 'ghcr', 'dockerhub', 'generic']
  expect([...new Set(VECTORS.map(({ registry }) => registry))]).toEqual(kinds)
})
