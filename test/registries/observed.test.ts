import { expect, test } from 'vitest'
import { PurserError } from '../../src/model/errors.ts'
import { parseHost } from '../../src/model/host.ts'
import { staticLogin } from '../../src/model/login.ts'
import { Secret } from '../../src/model/secret.ts'
import { observeExchanges } from '../../src/registries/observed.ts'
import type { Registry } from '../../src/registries/registry.ts'
import { KEYS } from './ecr/amazon.ts'
import { targetOf } from './harness.ts'

const BASIC = { kind: 'basic', username: 'u', password: new Secret('p') } as const
const TARGET = targetOf(parseHost('ghcr.io'))

test.each([
  ['a login', async () => staticLogin('u', 'p'), KEYS, ['ecr made']],
  ['no identity', async () => undefined, KEYS, ['ecr none']],
  [
    'a refusal',
    () => Promise.reject(new PurserError('exchange-failed', 'no', { status: 400 })),
    KEYS,
    ['ecr refused'],
  ],
  ['no answer', () => Promise.reject(new PurserError('network', 'no')), KEYS, ['ecr unreachable']],
  [
    'a cloud in trouble',
    () => Promise.reject(new PurserError('exchange-failed', 'no', { status: 503 })),
    KEYS,
    ['ecr unreachable'],
  ],
  ['a password, which is no exchange', async () => staticLogin('u', 'p'), BASIC, []],
])('%s is counted as what it is', async (_name, exchange, credential, expected) => {
  const seen: string[] = []
  const ecr: Registry = {
    name: 'ecr',
    matches: () => true,
    read: () => undefined,
    audience: () => '',
    exchange,
  }
  const [observed] = observeExchanges([ecr], (registry, outcome) =>
    seen.push(`${registry} ${outcome}`),
  )
  const signal = new AbortController().signal
  await observed?.exchange(credential, TARGET, signal).catch(() => undefined)
  expect(seen).toEqual(expected)
})
