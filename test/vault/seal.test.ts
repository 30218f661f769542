import fc from 'fast-check'
import { expect, test } from 'vitest'
import { generateKey } from '../../src/vault/key.ts'
import { createSealer } from '../../src/vault/seal.ts'

const key = generateKey()
const sealer = createSealer(key)
const corrupt = expect.objectContaining({ code: 'vault-corrupt' })

test('what was sealed opens, for its identity alone', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.uint8Array(),
      fc.uint8Array(),
      (text, at, other) => {
        const sealed = sealer.seal(text, at)
        expect(createSealer(key).open(sealed, at)).toBe(text)
        if (Buffer.compare(at, other) !== 0)
          expect(() => sealer.open(sealed, other)).toThrow(corrupt)
      },
    ),
  )
})

test('no byte can change, be added or be taken away', () => {
  fc.assert(
    fc.property(fc.string(), fc.nat(), fc.integer({ min: 1, max: 255 }), (text, at, mask) => {
      const identity = Buffer.from('identity')
      const sealed = sealer.seal(text, identity)
      const i = at % sealed.length
      const altered = sealed.map((byte, j) => (i === j ? byte ^ mask : byte))
      expect(() => sealer.open(altered, identity)).toThrow(corrupt)
      expect(() => sealer.open(sealed.subarray(0, i), identity)).toThrow(corrupt)
      expect(() => sealer.open(Buffer.concat([sealed, Buffer.of(mask)]), identity)).toThrow(corrupt)
    }),
  )
})

test('another key opens nothing', () => {
  const sealed = sealer.seal('text', Buffer.alloc(0))
  expect(() => createSealer(generateKey()).open(sealed, Buffer.alloc(0))).toThrow(corrupt)
})

test('the same text is never sealed alike, and short texts are equally long', () => {
  const identity = Buffer.from('identity')
  const sealed = Array.from({ length: 100 }, (_, i) => sealer.seal('x'.repeat(i % 3), identity))
  expect(new Set(sealed.map((bytes) => Buffer.from(bytes).toString('hex'))).size).toBe(100)
  expect(new Set(sealed.map((bytes) => bytes.length)).size).toBe(1)
})
