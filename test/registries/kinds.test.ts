import { describe, expect, test } from 'vitest'
import { parseHost } from '../../src/model/host.ts'
import { createRegistries, registryOf } from '../../src/registries/all.ts'
import vectors from '../vectors/hosts.json' with { type: 'json' }
import { offline } from './harness.ts'

/** What a host is, as its name says, or as the operator says of it. */
interface Vector {
  readonly name: string
  readonly host: string
  readonly kind: string
  readonly said: Readonly<Record<string, string | undefined>>
}

const VECTORS: readonly Vector[] = vectors.configured

function kindOf({ host, said }: Pick<Vector, 'host' | 'said'>): string {
  const upstreams = Object.entries(said).map(([name, kind]) => ({
    host: parseHost(name),
    registry: (['ghcr', 'generic'] as const).find((each) => each === kind),
  }))
  const registries = createRegistries({ ...offline, upstreams })
  return registryOf(registries, parseHost(host)).name
}

describe('what the operator says of a host', () => {
  test.each(VECTORS)('$name: $host', (vector) => {
    expect(kindOf(vector)).toBe(vector.kind)
  })

  test('is nothing where it says nothing', () => {
    expect(kindOf({ host: 'ghcr.io', said: { 'ghcr.io': undefined } })).toBe('ghcr')
  })
})
