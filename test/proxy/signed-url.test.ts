import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { remainingLifeMs } from '../../src/proxy/signed-url.ts'

const AT = Date.UTC(2026, 10, 21, 8)
const HOUR_MS = 60 * 60_000
const EPOCH_S = AT / 1_000

function policy(document: unknown): string {
  const base64 = Buffer.from(JSON.stringify(document)).toString('base64')
  return base64.replace(/[+=/]/g, (each) => (each === '+' ? '-' : each === '=' ? '_' : '~'))
}
const until = (seconds: number) => ({
  Resource: 'https://cdn.example/*',
  Condition: { DateLessThan: { 'AWS:EpochTime': seconds } },
})

describe('how long a signed URL lasts', () => {
  test.each([
    {
      name: 'S3 and ECR',
      query:
        'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20261121T075500Z&X-Amz-Expires=3600&X-Amz-Signature=ab',
      ms: HOUR_MS - 5 * 60_000,
    },
    {
      name: 'Google Cloud Storage',
      query: 'X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Date=20261121T080000Z&X-Goog-Expires=1200',
      ms: 20 * 60_000,
    },
    {
      name: 'Google Cloud Storage, version 2',
      query: `GoogleAccessId=a&Expires=${EPOCH_S + 60}&Signature=ab`,
      ms: 60_000,
    },
    {
      name: 'Azure, as GitHub has it',
      query: 'se=2026-11-21T08%3A05%3A00Z&sig=ab%3D&sp=r&spr=https&sr=b&sv=2019-12-12',
      ms: 5 * 60_000,
    },
    {
      name: 'CloudFront with a canned policy',
      query: `Expires=${EPOCH_S + 600}&Signature=ab&Key-Pair-Id=K1`,
      ms: 10 * 60_000,
    },
    {
      name: 'CloudFront with a policy of its own',
      query: `Policy=${policy({ Statement: [until(EPOCH_S + 900)] })}&Signature=ab&Key-Pair-Id=K1`,
      ms: 15 * 60_000,
    },
    {
      name: 'one that has ended',
      query: 'X-Amz-Date=20261121T060000Z&X-Amz-Expires=3600',
      ms: -HOUR_MS,
    },
    {
      name: 'two ends, of which the earlier counts',
      query: `X-Amz-Date=20261121T080000Z&X-Amz-Expires=3600&Expires=${EPOCH_S + 60}&Signature=a`,
      ms: 60_000,
    },
  ])('$name', ({ query, ms }) => {
    expect(remainingLifeMs(new URL(`https://store.example/blob?${query}`), AT)).toBe(ms)
  })

  test.each([
    ['no query', ''],
    ['what Cloudflare signs', 'verify=1700000000-abcdef'],
    ['an end without a signature', `Expires=${EPOCH_S + 60}`],
    ['se without sig', 'se=2026-11-21T08%3A05%3A00Z'],
    ['a date that is none', 'X-Amz-Date=yesterday&X-Amz-Expires=3600'],
    ['seconds that are none', 'X-Amz-Date=20261121T080000Z&X-Amz-Expires=1e3'],
    ['a policy that is none', 'Policy=%00%ff'],
    ['a policy of many kilobytes', `Policy=${'a'.repeat(10_000)}`],
  ])('%s does not say', (_, query) => {
    expect(remainingLifeMs(new URL(`https://store.example/blob?${query}`), AT)).toBeUndefined()
  })

  test('whatever it says, it is a number or nothing', () => {
    const names = fc.constantFrom('X-Amz-Date', 'X-Amz-Expires', 'se', 'sig', 'Expires', 'Policy')
    fc.assert(
      fc.property(fc.array(fc.tuple(names, fc.string())), (pairs) => {
        const url = new URL(`https://store.example/?${new URLSearchParams(pairs)}`)
        expect(remainingLifeMs(url, AT)).not.toBeNaN()
      }),
    )
  })
})
