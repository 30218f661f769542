import { describe, expect, it } from 'vitest'
import type { Credential } from '../src/model/credential.ts'
import { PurserError } from '../src/model/errors.ts'
import { parseHost } from '../src/model/host.ts'
import { Secret } from '../src/model/secret.ts'
import type { Target } from '../src/model/target.ts'
import type { Source } from '../src/sources/source.ts'
import { traceSources } from '../src/trace.ts'

const never = new AbortController().signal

const target: Target = {
  workspace: 'default',
  host: parseHost('registry.example'),
  repository: 'acme/app',
  action: 'pull',
}

const password: Credential = { kind: 'basic', username: 'u', password: new Secret('p') }

function source(name: string, answer: () => Credential | undefined) {
  let asked = 0
  return {
    asked: () => asked,
    name,
    async find() {
      asked++
      const credential = answer()
      return credential && { credential, from: `entry of ${name}` }
    },
  } satisfies Source & { asked(): number }
}

describe('a trace', () => {
  it('tells what each source said, up to the one that settles it', async () => {
    const steps = await traceSources(
      [source('a', () => undefined), source('b', () => password), source('c', () => password)],
      target,
      never,
    )
    expect(steps).toEqual([
      { source: 'a', outcome: 'nothing' },
      { source: 'b', outcome: 'found', from: 'entry of b', kind: 'basic' },
      { source: 'c', outcome: 'not asked' },
    ])
  })

  it('tells why a source that holds something has nothing', async () => {
    const other = { ...source('a', () => undefined), whyNot: () => 'it is for ghcr.io' }
    expect(await traceSources([other], target, never)).toEqual([
      { source: 'a', outcome: 'nothing', why: 'it is for ghcr.io' },
    ])
  })

  it('tells a fault, and asks nobody behind it', async () => {
    const error = new PurserError('vault-corrupt', 'damaged')
    const broken = source('a', () => {
      throw error
    })
    const behind = source('b', () => password)
    expect(await traceSources([broken, behind], target, never)).toEqual([
      { source: 'a', outcome: 'fault', error },
      { source: 'b', outcome: 'not asked' },
    ])
    expect(behind.asked()).toBe(0)
  })
})
