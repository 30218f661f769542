import { expect, test } from 'vitest'
import { codeOf, describeError, retryAfterMsOf } from '../../src/model/errors.ts'
import { problemOf } from '../../src/proxy/problem.ts'
import { failure, PUSH, setUp } from './harness.ts'

const LIMIT = { 'Retry-After': '7' }

test('a token service that wants to be left alone is, for so long', async () => {
  const { ask, header, clock, tokenServer } = await setUp()
  tokenServer.misbehave((_, res) => void res.writeHead(429, LIMIT).end('{"details":"slow down"}'))
  const first = await failure(ask())
  expect([codeOf(first), retryAfterMsOf(first)]).toEqual(['upstream-refused', 7_000])
  expect(describeError(first)).toMatch(/ for user "joe": GET ".*": status 429$/)
  expect(problemOf(first)).toMatchObject({ status: 429, code: 'TOOMANYREQUESTS', retryAfterS: 7 })
  tokenServer.misbehave(undefined)
  clock.now += 6_999
  expect(await failure(ask())).toBe(first)
  expect(tokenServer.asked).toHaveLength(1)
  // Another scope is another question.
  expect(await header({ scopes: PUSH })).toBeDefined()
  clock.now += 1
  expect(await header()).toBeDefined()
})

test('of hours, a minute is kept', async () => {
  const { ask, header, clock, tokenServer } = await setUp()
  tokenServer.misbehave((_, res) => void res.writeHead(503, { 'Retry-After': '7200' }).end())
  await failure(ask())
  tokenServer.misbehave(undefined)
  clock.now += 60_000
  expect(await header()).toBeDefined()
})

test('one that does not say so is asked again', async () => {
  const { ask, header, tokenServer } = await setUp()
  tokenServer.misbehave((_, res) => void res.writeHead(429).end())
  expect(retryAfterMsOf(await failure(ask()))).toBeUndefined()
  tokenServer.misbehave(undefined)
  expect(await header()).toBeDefined()
})

test('a connection that breaks before an answer costs another, and no failure', async () => {
  const { header, tokenServer } = await setUp()
  tokenServer.misbehave((req) => {
    tokenServer.misbehave(undefined)
    req.socket.destroy()
  })
  expect(await header()).toBeDefined()
  expect(tokenServer.asked).toHaveLength(2)
})
