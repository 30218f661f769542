import { expect, test } from 'vitest'
import { verdictOn } from '../../src/health/verdict.ts'
import { PurserError } from '../../src/model/errors.ts'

test.each([
  ['a refusal', new PurserError('upstream-refused', 'no', { status: 401 }), 'refused'],
  ["a cloud's refusal", new PurserError('exchange-failed', 'no', { status: 400 }), 'refused'],
  ['a credential of another kind', new PurserError('credential-unsupported', 'no'), 'refused'],
  ['a token service that is not approved', new PurserError('policy', 'no'), 'refused'],
  ['an end', new PurserError('credential-expired', 'over', { status: 403 }), 'expired'],
  ['too many questions', new PurserError('exchange-failed', 'no', { status: 429 }), 'unreachable'],
  [
    'a server in trouble',
    new PurserError('upstream-refused', 'no', { status: 502 }),
    'unreachable',
  ],
  ['no answer', new PurserError('network', 'no'), 'unreachable'],
  ['a limit of our own', new PurserError('exchange-limit', 'no'), 'unreachable'],
  ['what nobody foresaw', new TypeError('canary'), 'unreachable'],
])('%s', (_name, error, state) => {
  const wrapped = new PurserError(error instanceof PurserError ? error.code : 'internal', 'what', {
    cause: error,
  })
  const verdict = verdictOn(wrapped)
  expect(verdict).toMatchObject({ state, expiresAt: undefined })
  expect(verdict.reason).toMatch(/^what: /)
  expect(verdict.reason).not.toContain('canary')
})

test.each([
  ['a refusal', 'upstream-refused', 'log in anew'],
  ['what has a hint of its own', 'network', 'its own'],
] as const)('the hint of %s', (_name, code, hint) => {
  const error = new PurserError(code, 'what', { hint: 'its own' })
  expect(verdictOn(error, 'log in anew').hint).toBe(hint)
})
