import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { parseHost, tryParseHost } from '../../src/model/host.ts'
import { createRegistries, registryOf } from '../../src/registries/all.ts'
import vectors from '../vectors/hosts.json' with { type: 'json' }
import { offline } from './harness.ts'

const registries = createRegistries(offline)

/** Everything that must be a registry's own, by its canonical name. */
const OWN = Object.entries(vectors.registries)
  .filter(([name]) => name !== 'generic')
  .flatMap(([, hosts]) => hosts)

/** What a host is taken for; nothing at all if it is none. */
function kindOf(text: string): string | undefined {
  const host = tryParseHost(text)
  return host && registryOf(registries, host).name
}

describe.each(Object.entries(vectors.registries))('a registry of kind %s', (kind, hosts) => {
  it.each(hosts)('is %s', (text) => {
    expect(kindOf(text)).toBe(kind)
  })
})

describe.each(Object.entries(vectors.lookAlikes))('%s', (_attack, texts) => {
  it.each(texts)('makes no registry of %j', (text) => {
    expect([undefined, 'generic']).toContain(kindOf(text))
  })
})

test('a host belongs to one kind of registry at most, beside the generic one', () => {
  for (const text of OWN) {
    const kinds = registries.filter((registry) => registry.matches(parseHost(text)))
    expect(kinds, text).toHaveLength(2)
  }
})

describe('whatever stands around the name of a registry', () => {
  const own = fc.constantFrom(...OWN.filter((text) => !text.includes(':')))
  const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/)

  test('another domain at its end makes it another host', () => {
    fc.assert(
      fc.property(own, label, fc.constantFrom('.', '-', ''), (host, end, joint) => {
        expect([undefined, 'generic']).toContain(kindOf(`${host}${joint}${end}.example`))
      }),
    )
  })

  test('nothing but a single character changed makes it a host of another kind', () => {
    const kinds = new Set<string | undefined>()
    fc.assert(
      fc.property(own, fc.nat(), fc.constantFrom(...'@#?/\\:;%_ \n\0'), (host, at, character) => {
        const i = at % (host.length + 1)
        kinds.add(kindOf(`${host.slice(0, i)}${character}${host.slice(i)}`))
      }),
    )
    expect([...kinds]).toEqual([undefined])
  })
})
