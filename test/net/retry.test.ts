import { expect, test } from 'vitest'
import { PurserError } from '../../src/model/errors.ts'
import { isTransient, pauseMsBefore } from '../../src/net/retry.ts'

test.each([
  ['ECONNREFUSED', true],
  ['ECONNRESET', true],
  ['UND_ERR_SOCKET', true],
  ['EAI_AGAIN', true],
  ['ENOTFOUND', false],
  ['ETIMEDOUT', false],
  ['UND_ERR_HEADERS_TIMEOUT', false],
  ['CERT_HAS_EXPIRED', false],
])('%s: %s', (code, expected) => {
  expect(isTransient(Object.assign(new Error(code), { code }))).toBe(expected)
})

test('what took ten seconds, or is against the policy, is not', () => {
  expect(isTransient(new PurserError('network', 'no connection within 10 s'))).toBe(false)
  expect(isTransient(new PurserError('policy', 'refused'))).toBe(false)
})

test('pauses are none, then spread, and longer each time', () => {
  expect(pauseMsBefore(1, 0.999)).toBe(0)
  expect([pauseMsBefore(2, 0), pauseMsBefore(2, 0.999)]).toEqual([0, 99.9])
  expect([pauseMsBefore(3, 0), pauseMsBefore(3, 0.999)]).toEqual([0, 299.7])
})
