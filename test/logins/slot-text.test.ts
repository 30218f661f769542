import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeSlot, encodeSlot, type LoginSlot } from '../../src/logins/slot-text.ts'
import type { ErrorCode } from '../../src/model/errors.ts'
import { Secret } from '../../src/model/secret.ts'

const SLOT: LoginSlot = {
  kept: {
    bornAt: 1_800_000_000_000,
    bornUptime: 5_000,
    lifeMs: 3_600_000,
    value: {
      username: 'AWS',
      secret: new Secret('s'),
      expiresAt: new Date(1_800_003_600_000),
    },
  },
  exchanges: [1_799_999_999_000],
  madeBy: 1_799_999_999_000,
  failure: undefined,
  changedAt: 1_800_000_000_000,
}

const failed = (code: ErrorCode): LoginSlot => ({
  ...SLOT,
  kept: undefined,
  failure: { at: 1, count: 2, code, message: 'refused', hint: 'mend it', status: 403 },
})

describe('a slot as text', () => {
  it.each<[string, LoginSlot]>([
    ['a login', SLOT],
    ['a miss', { ...SLOT, kept: { bornAt: 1, bornUptime: 2, lifeMs: 3, value: undefined } }],
    ['nothing', { ...SLOT, kept: undefined, madeBy: undefined }],
    ['a failure', failed('exchange-failed')],
  ])('comes back as it was: %s', (_, slot) => {
    expect(decodeSlot(encodeSlot(slot))).toEqual(slot)
  })

  it('keeps the secret whole', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const slot = { ...SLOT, kept: { bornAt: 1, bornUptime: 2, lifeMs: 3, value: undefined } }
        const login = { username: text, secret: new Secret(text), expiresAt: undefined }
        const read = decodeSlot(encodeSlot({ ...slot, kept: { ...slot.kept, value: login } }))
        expect(read?.kept?.value?.secret.reveal()).toBe(text)
      }),
    )
  })

  it('takes a code that an exchange has not for one of its own kind', () => {
    expect(decodeSlot(encodeSlot(failed('usage')))?.failure?.code).toBe('internal')
  })

  it.each([
    '',
    '{}',
    'null',
    '[]',
    '[2,1,[],null,null,null]',
    '[1,"1",[],null,null,null]',
    '[1,1e999,[],null,null,null]',
    '[1,1,{},null,null,null]',
    '[1,1,["x"],null,null,null]',
    '[1,1,[],null,[1,2],null]',
    '[1,1,[],null,[1,2,3,["u"]],null]',
    '[1,1,[],null,[1,2,3,["u",7]],null]',
    '[1,1,[],null,null,"broken"]',
    '[1,1,[],null,null,[1,2,"network",3]]',
  ])('is none, if it is not one of this version: %s', (text) => {
    expect(decodeSlot(text)).toBeUndefined()
  })
})
