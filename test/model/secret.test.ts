import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { PurserError } from '../../src/model/errors.ts'
import { Secret } from '../../src/model/secret.ts'

const secret = new Secret('hunter2')

describe('a secret', () => {
  it.each([
    ['a template', `${secret}`],
    ['a sum', `a${secret}`.slice(1)],
    ['String', String(secret)],
    ['JSON', JSON.parse(JSON.stringify({ secret })).secret],
    ['inspect', inspect(secret)],
  ])('prints masked in %s', (_, shown) => {
    expect(shown).toBe('[secret]')
  })

  it.each([
    ['an object', inspect({ deep: { secret } }, { depth: null, showHidden: true })],
    ['an error', inspect(new PurserError('internal', `with ${secret}`, { cause: { secret } }))],
    ['keys', inspect(Object.entries(secret))],
    ['a clone', inspect(structuredClone({ ...secret }))],
  ])('is not in %s', (_, shown) => {
    expect(shown).not.toContain('hunter2')
  })

  it('is revealed on request', () => {
    expect(secret.reveal()).toBe('hunter2')
  })

  it.each([
    ['hunter2', true],
    ['hunter3', false],
    ['hunter', false],
    ['hunter22', false],
    ['', false],
  ])('equals %j: %s', (other, same) => {
    expect(secret.equals(new Secret(other))).toBe(same)
    expect(new Secret(other).equals(secret)).toBe(same)
  })

  it('knows that it is empty', () => {
    expect([new Secret('').isEmpty, secret.isEmpty]).toEqual([true, false])
  })
})
