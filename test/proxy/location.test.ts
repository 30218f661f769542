import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  openLocation,
  pushedLocation,
  rewriteLink,
  sealLocation,
} from '../../src/proxy/location.ts'
import { isProblem } from '../../src/proxy/problem.ts'
import { type Route, routeOf } from '../../src/proxy/route.ts'
import { createSeal } from '../../src/proxy/seal.ts'
import { createUpstreamTable } from '../../src/proxy/upstreams.ts'
import { upstreamAt } from './harness.ts'

const TABLE = createUpstreamTable([
  upstreamAt('ghcr.io', { tls: true }),
  upstreamAt('docker.io', { tls: true }),
])
const DIGEST = `sha256:${'a'.repeat(64)}`

async function routed(method: string, url: string): Promise<Route> {
  const route = await routeOf(TABLE, undefined, method, url)
  if (isProblem(route)) throw new Error(route.message)
  return route
}

describe('the upload URL of a registry', () => {
  test.each([
    ['/v2/a/b/blobs/uploads/1?_state=c%2Fd%3D', '/v2/a/b/blobs/uploads/1?_state=c%2Fd%3D'],
    ['https://ghcr.io/v2/a/b/blobs/uploads/1', '/v2/a/b/blobs/uploads/1'],
    ['https://ghcr.io:443/x', '/x'],
    ['//ghcr.io/x', '/x'],
    ['/artifacts-uploads/namespaces/x?upload_id=y', '/artifacts-uploads/namespaces/x?upload_id=y'],
    ['next', '/v2/a/b/blobs/uploads/next'],
    ["/x?sig='a'|b&<c>", "/x?sig='a'|b&<c>"],
    ['https://ghcr.io/a/../x?y={z}', '/a/../x?y={z}'],
    ['/x y?z#w', '/x%20y?z'],
    ['/é', '/%C3%A9'],
  ])('%s', async (location, path) => {
    const seal = createSeal()
    const start = await routed('POST', '/v2/ghcr.io/a/b/blobs/uploads/')
    const sealed = sealLocation(seal, start, location)
    expect(sealed).toMatch(/^\/v2\/ghcr\.io\/a\/b\/blobs\/uploads\/[A-Za-z0-9_-]+$/)
    const put = await routed('PUT', `${sealed}?digest=${DIGEST}`)
    const joint = path.includes('?') ? '&' : '?'
    expect(openLocation(seal, put)).toBe(`${path}${joint}digest=${encodeURIComponent(DIGEST)}`)
    expect(openLocation(seal, await routed('PATCH', `${sealed}?ns=ghcr.io`))).toBe(path)
  })

  // As Go's clients do: every pair parsed, sorted, and escaped as they like.
  test('comes back byte for byte, whatever the client does to what it got', async () => {
    const seal = createSeal()
    const start = await routed('POST', '/v2/ghcr.io/a/b/blobs/uploads/')
    const path = fc.stringMatching(/^\/(?:[!-.0-[\]-~][!-[\]-~]{0,60})?$/)
    const before = fc.constantFrom('', 'https://ghcr.io', 'HTTPS://GHCR.IO:443')
    const escaped = fc.constantFrom(DIGEST, encodeURIComponent(DIGEST), DIGEST.replace('s', '%73'))
    const own = escaped.map((digest) => `digest=${digest}`)
    const others = fc.constantFrom('ns=ghcr.io', 'n%73=ghcr%2Eio', '_state=forged', '', 'x')
    await fc.assert(
      fc.asyncProperty(
        before,
        path,
        own,
        others,
        fc.boolean(),
        async (origin, at, digest, other, first) => {
          fc.pre(!at.includes('#'))
          const sealed = sealLocation(seal, start, `${origin}${at}`)
          const pairs = first ? [digest, other] : [other, digest]
          const put = await routed('PUT', `${sealed}?${pairs.join('&')}`)
          const joint = at.includes('?') ? '&' : '?'
          expect(openLocation(seal, put)).toBe(`${at}${joint}digest=${encodeURIComponent(DIGEST)}`)
        },
      ),
    )
  })

  test('opens no other one, whatever the client makes of it', async () => {
    const seal = createSeal()
    const start = await routed('POST', '/v2/ghcr.io/a/b/blobs/uploads/')
    const sealed = String(sealLocation(seal, start, '/v2/a/b/blobs/uploads/1'))
    const [, reference = ''] = /([^/]+)$/.exec(sealed) ?? []
    const change = fc.oneof(
      fc
        .tuple(fc.nat(reference.length - 1), fc.stringMatching(/^[\w-]$/))
        .map(([at, character]) => reference.slice(0, at) + character + reference.slice(at + 1)),
      fc.nat(reference.length - 1).map((length) => reference.slice(0, length)),
      fc.stringMatching(/^[\w-]{1,8}$/).map((more) => reference + more),
      fc.stringMatching(/^[\w.-]{1,80}$/),
    )
    await fc.assert(
      fc.asyncProperty(change, async (changed) => {
        fc.pre(!/^\.{0,2}$/.test(changed))
        fc.pre(!Buffer.from(changed, 'base64url').equals(Buffer.from(reference, 'base64url')))
        const put = await routed('PUT', `/v2/ghcr.io/a/b/blobs/uploads/${changed}?digest=${DIGEST}`)
        expect(openLocation(seal, put)).toMatchObject({ status: 404, code: 'BLOB_UPLOAD_UNKNOWN' })
      }),
    )
    for (const url of ['/v2/ghcr.io/a/c/blobs/uploads/', '/v2/docker.io/a/b/blobs/uploads/']) {
      const elsewhere = await routed('PATCH', `${url}${reference}`)
      expect(openLocation(seal, elsewhere)).toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' })
    }
  })

  test.each([
    ['https://evil.example/v2/a/b/blobs/uploads/1', ': "https://evil.example"'],
    ['https://ghcr.io.evil.example/x', ': "https://ghcr.io.evil.example"'],
    ['https://ghcr.io:8443/x', ': "https://ghcr.io:8443"'],
    ['http://ghcr.io/x', ': "http://ghcr.io"; it may not know that it is reached by https'],
    ['//evil.example/x', ': "https://evil.example"'],
    ['https://ghcr.io@evil.example/x', ': "https://evil.example"'],
    ['\\\\evil.example/x', ': "https://evil.example"'],
    ['javascript:alert(1)', ''],
    ['https://[', ''],
  ])('%s is refused', async (location, more) => {
    const start = await routed('POST', '/v2/ghcr.io/a/b/blobs/uploads/')
    expect(sealLocation(createSeal(), start, location)).toEqual({
      status: 502,
      code: 'BLOB_UPLOAD_INVALID',
      message: `ghcr.io sent the upload to another origin, which is refused${more}`,
    })
  })

  test('is refused where no client could ask for it', async () => {
    const start = await routed('POST', '/v2/ghcr.io/a/b/blobs/uploads/')
    const long = (length: number) => sealLocation(createSeal(), start, `/${'x'.repeat(length)}`)
    expect(long(10 * 1024)).toMatchObject({ status: 502, code: 'BLOB_UPLOAD_INVALID' })
    const sealed = long(10 * 1024 - 1)
    expect(await routed('PUT', `${sealed}?ns=ghcr.io&digest=${DIGEST}`)).toMatchObject({
      kind: 'upload',
    })
  })

  test('keeps the ns of the client', async () => {
    const start = await routed('POST', '/v2/a/b/blobs/uploads/?ns=ghcr.io')
    expect(sealLocation(createSeal(), start, '/x')).toMatch(
      /^\/v2\/a\/b\/blobs\/uploads\/[\w-]+\?ns=ghcr\.io$/,
    )
  })
})

describe('a seal', () => {
  test('opens for its owner alone, and keeps every text', () => {
    const seal = createSeal()
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.string(),
        fc.string(),
        (text, owner, other) => {
          const sealed = seal.close(text, owner)
          expect(sealed).toMatch(/^[A-Za-z0-9_-]+$/)
          expect(seal.open(sealed, owner)).toBe(text.toWellFormed())
          expect(createSeal().open(sealed, owner)).toBeUndefined()
          if (other !== owner) expect(seal.open(sealed, other)).toBeUndefined()
        },
      ),
    )
  })

  test('does not open when a bit is turned, or for anything else', () => {
    const seal = createSeal()
    const bytes = Buffer.from(seal.close('/v2/a/blobs/uploads/1', 'o'), 'base64url')
    fc.assert(
      fc.property(fc.nat(bytes.length * 8 - 1), fc.string(), (bit, junk) => {
        const turned = Buffer.from(bytes)
        turned[bit >> 3] = (turned[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        expect(seal.open(turned.toString('base64url'), 'o')).toBeUndefined()
        expect(seal.open(junk, 'o')).toBeUndefined()
      }),
    )
  })
})

describe('what is pushed lies', () => {
  test.each([
    ['PUT', '/v2/ghcr.io/a/manifests/v1', `/v2/ghcr.io/a/manifests/${DIGEST}`],
    ['PUT', '/v2/a/blobs/uploads/x?ns=ghcr.io', `/v2/a/blobs/${DIGEST}?ns=ghcr.io`],
    ['PUT', '/v2/docker.io/alpine/manifests/v1', `/v2/docker.io/alpine/manifests/${DIGEST}`],
  ])('%s %s', async (method, url, location) => {
    expect(pushedLocation(await routed(method, url), DIGEST)).toBe(location)
  })
})

describe('a link', () => {
  test.each([
    [
      '/v2/ghcr.io/a/tags/list',
      '</v2/a/tags/list?last=x>; rel="next"',
      '</v2/ghcr.io/a/tags/list?last=x>; rel="next"',
    ],
    [
      '/v2/ghcr.io/a/tags/list',
      '<https://ghcr.io/v2/a/tags/list?n=1>; rel=next',
      '</v2/ghcr.io/a/tags/list?n=1>; rel=next',
    ],
    [
      '/v2/a/tags/list?ns=ghcr.io',
      '</v2/a/tags/list?n=1>; rel="next"',
      '</v2/a/tags/list?n=1&ns=ghcr.io>; rel="next"',
    ],
    [
      '/v2/docker.io/x/tags/list',
      '</v2/library/x/tags/list?n=1>; rel="next"',
      '</v2/docker.io/x/tags/list?n=1>; rel="next"',
    ],
    ['/v2/ghcr.io/a/tags/list', '<https://evil.example/v2/a/tags/list>; rel="next"', undefined],
    ['/v2/ghcr.io/a/tags/list', '</v2/b/tags/list>; rel="next"', undefined],
    ['/v2/ghcr.io/a/tags/list', 'nonsense', undefined],
  ])('%s %s', async (url, link, rewritten) => {
    expect(rewriteLink(await routed('GET', url), link)).toBe(rewritten)
  })
})
