import { describe, expect, test } from 'vitest'
import { ask, errorOf, fakeRegistry, runProxy, upstreamAt } from './harness.ts'

const BLOB = `/v2/a/blobs/sha256:${'0'.repeat(64)}`

describe('too many requests', () => {
  const BODY =
    '{"errors":[{"code":"TOOMANYREQUESTS","message":"you have reached your pull rate limit"}]}'

  async function limited(headers: Readonly<Record<string, string>>, status = 429) {
    const registry = await fakeRegistry({
      override(_, res) {
        res.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(BODY)
        return true
      },
    })
    let at = Date.UTC(2026, 10, 21)
    const own = upstreamAt(registry.host)
    const running = await runProxy([own], { own, now: () => at })
    return {
      ...running,
      registry,
      pass: (ms: number) => {
        at += ms
      },
    }
  }

  test('status, header and error pass to the client', async () => {
    const { url } = await limited({ 'Retry-After': '7', 'RateLimit-Remaining': '0;w=21600' })
    const { status, headers, body } = await ask(`${url}/v2/a/manifests/1`)
    expect([status, headers['retry-after'], headers['ratelimit-remaining']]).toEqual([
      429,
      '7',
      '0;w=21600',
    ])
    expect(body.toString()).toBe(BODY)
  })

  test.each([429, 503])('a pause is kept, after a %i', async (status) => {
    const { url, registry, pass } = await limited({ 'Retry-After': '7' }, status)
    await ask(`${url}/v2/a/manifests/1`)
    pass(2_500)
    const answer = await ask(`${url}/v2/a/manifests/1`)
    expect([answer.status, answer.headers['retry-after'], errorOf(answer)]).toEqual([
      status,
      '5',
      {
        code: status === 429 ? 'TOOMANYREQUESTS' : 'UNAVAILABLE',
        message: `purser: ${registry.host} wants to be asked again in 5 s`,
      },
    ])
    expect(registry.asked.length).toBe(1)
    // What is counted is manifests; a pull that has begun may end.
    await ask(`${url}${BLOB}`)
    expect(registry.asked.length).toBe(2)
    pass(4_500)
    await ask(`${url}/v2/a/manifests/1`)
    expect(registry.asked.length).toBe(3)
  })

  test('of hours, a minute is kept', async () => {
    const { url, registry, pass } = await limited({ 'Retry-After': '7200' })
    await ask(`${url}/v2/a/manifests/1`)
    pass(59_999)
    await ask(`${url}/v2/a/manifests/1`)
    expect(registry.asked.length).toBe(1)
    pass(1)
    await ask(`${url}/v2/a/manifests/1`)
    expect(registry.asked.length).toBe(2)
  })

  test.each([
    { name: 'without a time', headers: {}, path: '/v2/a/manifests/1' },
    { name: 'with a time that makes no sense', headers: { 'Retry-After': 'soon' } },
  ])('$name, none is made up', async ({ headers, path = '/v2/a/manifests/1' }) => {
    const { url, registry } = await limited(headers)
    await ask(`${url}${path}`)
    await ask(`${url}${path}`)
    expect(registry.asked.length).toBe(2)
  })
})
