import { describe, expect, test } from 'vitest'
import { describeError, hintOf } from '../../../src/model/errors.ts'
import { endlessBody } from '../../fakes/token-server.ts'
import { failureOf } from '../../registries/ecr/amazon.ts'
import { FILES, machine } from './machine.ts'
import { CI, expectSilence, JANE, say } from './told.ts'

const { serviceAccount, user } = FILES

describe('an answer that does not come', () => {
  test('is asked for again, and then told of', async () => {
    const at = await machine()
    at.google.misbehave((_, res) => say(res, 503, 'busy'))
    const error = await failureOf(at.exchange(serviceAccount))
    expect(describeError(error)).toBe(`${CI}: status 503`)
    expect(hintOf(error)).toContain('status.cloud.google.com')
    expect(at.google.calls).toHaveLength(3)
  })

  test.each([503, 429])('is asked for again, and comes after %i', async (status) => {
    const at = await machine()
    at.google.misbehave((_, res) => {
      at.google.misbehave(undefined)
      say(res, status, 'busy')
    })
    expect(await at.exchange(user)).toBeDefined()
    expect(at.google.calls).toHaveLength(2)
  })

  test('because the connection is cut is asked for again', async () => {
    const at = await machine()
    at.google.misbehave((_, res) => res.socket?.destroy())
    const error = await failureOf(at.exchange(user))
    expect(error).toMatchObject({ code: 'network' })
    expect(describeError(error)).toBe(`${JANE}: ECONNRESET`)
    expect(at.google.calls).toHaveLength(3)
    expectSilence(error)
  })

  test('is not waited for without end', async () => {
    const at = await machine({ timeoutMs: 200 })
    at.google.misbehave(() => undefined)
    const error = await failureOf(at.exchange(user))
    expect(error).toMatchObject({ code: 'network' })
    expect(describeError(error)).toBe(
      'asking Google for a token for us-docker.pkg.dev: no answer within 0.2 s',
    )
  })

  test('is not waited for by who has gone', async () => {
    const at = await machine()
    const gone = new AbortController()
    at.google.misbehave(() => gone.abort(new Error('gone')))
    const error = await failureOf(at.exchange(user, { signal: gone.signal }))
    expect(error).toMatchObject({ message: 'gone' })
    expect(at.google.calls).toHaveLength(1)
  })
})

describe('an answer', () => {
  test.each([301, 302, 307, 308])('that leads elsewhere is not followed: %i', async (status) => {
    const at = await machine()
    at.google.misbehave((_, res) => {
      res.writeHead(status, { Location: 'https://evil.example/token' }).end()
    })
    const error = await failureOf(at.exchange(user))
    expect(error).toMatchObject({ code: 'upstream-refused' })
    expect(describeError(error)).toBe(
      `${JANE}: status ${status} of https://oauth2.googleapis.com: redirects are not followed`,
    )
    expect(at.google.calls.map(({ host }) => host)).toEqual(['oauth2.googleapis.com'])
  })

  test('without end is not heard out', async () => {
    const at = await machine()
    const sent = { bytes: 0 }
    at.google.misbehave(endlessBody(sent))
    const error = await failureOf(at.exchange(user))
    expect(describeError(error)).toBe(`${JANE}: an answer of more than 64 KiB`)
    expect(sent.bytes).toBeLessThan(64 * 1024 * 1024)
    expect(at.google.calls).toHaveLength(1)
  })
})
