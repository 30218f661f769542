import { describe, expect, test } from 'vitest'
import { parseHost } from '../../src/model/host.ts'
import { createRegistries, registryOf } from '../../src/registries/all.ts'
import { offline } from './harness.ts'

/** What a host is, once the operator has spoken. */
function kindOf(host: string, ...said: readonly (readonly [string, 'ghcr' | 'generic'])[]) {
  const upstreams = said.map(([name, registry]) => ({ host: parseHost(name), registry }))
  const registries = createRegistries({ ...offline, upstreams })
  return registryOf(registries, parseHost(host)).name
}

describe('what the operator says of a host', () => {
  test.each<[string, string, string, readonly (readonly [string, 'ghcr' | 'generic'])[]]>([
    ['makes it GitHub’s', 'containers.ghe.example', 'ghcr', [['containers.ghe.example', 'ghcr']]],
    ['is of any spelling', 'GHE.example:443', 'ghcr', [['ghe.example', 'ghcr']]],
    ['is of that port', 'ghe.example:8443', 'ghcr', [['ghe.example:8443', 'ghcr']]],
    ['is of no other port', 'ghe.example', 'generic', [['ghe.example:8443', 'ghcr']]],
    ['is of none below it', 'evil.ghe.example', 'generic', [['ghe.example', 'ghcr']]],
    ['is of none that begins so', 'ghe.example.evil.example', 'generic', [['ghe.example', 'ghcr']]],
    ['is of none that ends so', 'evilghe.example', 'generic', [['ghe.example', 'ghcr']]],
    ['is louder than its name', 'us-docker.pkg.dev', 'generic', [['us-docker.pkg.dev', 'generic']]],
    ['takes nothing from the rest', 'ghcr.io', 'ghcr', [['us-docker.pkg.dev', 'generic']]],
  ])('%s', (_name, host, kind, said) => {
    expect(kindOf(host, ...said)).toBe(kind)
  })

  test('is nothing where it says nothing', () => {
    const upstreams = [{ host: parseHost('ghcr.io'), registry: undefined }]
    const registries = createRegistries({ ...offline, upstreams })
    expect(registryOf(registries, parseHost('ghcr.io')).name).toBe('ghcr')
  })
})
