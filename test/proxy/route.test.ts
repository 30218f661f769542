import { describe, expect, test } from 'vitest'
import { isProblem } from '../../src/proxy/problem.ts'
import { type Route, routeOf } from '../../src/proxy/route.ts'
import { createUpstreamTable } from '../../src/proxy/upstreams.ts'
import { upstreamAt } from './harness.ts'

const HUB = upstreamAt('docker.io', { tls: true })
const GHCR = upstreamAt('ghcr.io', { tls: true, alias: 'ghcr' })
const CORP = upstreamAt('registry.corp.example:5000', { tls: true })
const TABLE = createUpstreamTable([HUB, GHCR, CORP])
const D = `sha256:${'a'.repeat(64)}`

const route = (method: string, url: string, own = false) =>
  routeOf(TABLE, own ? GHCR : undefined, method, url)

async function found(method: string, url: string, own = false): Promise<Route> {
  const answer = await route(method, url, own)
  if (isProblem(answer)) throw new Error(answer.message)
  return answer
}

describe('routes', () => {
  test.each([
    ['GET', '/v2/ghcr.io/a/b/manifests/v1', 'ghcr.io', '/v2/a/b/manifests/v1'],
    ['HEAD', `/v2/ghcr/a/b/manifests/${D}`, 'ghcr.io', `/v2/a/b/manifests/${D}`],
    ['GET', `/v2/ghcr/a/b/blobs/${D.replace(':', '%3A')}`, 'ghcr.io', `/v2/a/b/blobs/${D}`],
    ['GET', '/v2/docker.io/alpine/manifests/3', 'docker.io', '/v2/library/alpine/manifests/3'],
    ['GET', '/v2/index.docker.io/a/b/manifests/3', 'docker.io', '/v2/a/b/manifests/3'],
    ['GET', '/v2/alpine/manifests/3?ns=docker.io', 'docker.io', '/v2/library/alpine/manifests/3'],
    [
      'GET',
      '/v2/registry.corp.example_5000/a/manifests/1',
      'registry.corp.example:5000',
      '/v2/a/manifests/1',
    ],
    [
      'GET',
      '/v2/a/manifests/1?ns=registry.corp.example%3A5000',
      'registry.corp.example:5000',
      '/v2/a/manifests/1',
    ],
    ['GET', '/v2/ghcr.io/a/b/manifests/v1?ns=ghcr.io', 'ghcr.io', '/v2/a/b/manifests/v1'],
    ['GET', '/v2/ghcr.io/a/b/manifests/v1?ns=ghcr.io', 'ghcr.io', '/v2/a/b/manifests/v1'],
    ['GET', '/v2/quay.io/a/manifests/v1?ns=ghcr.io', 'ghcr.io', '/v2/quay.io/a/manifests/v1'],
    ['GET', '/v2/ghcr/blobs/manifests/tags/list', 'ghcr.io', '/v2/blobs/manifests/tags/list'],
    [
      'GET',
      '/v2/ghcr.io/a/tags/list?n=2&ns=ghcr.io&last=%2B',
      'ghcr.io',
      '/v2/a/tags/list?n=2&last=%2B',
    ],
    [
      'GET',
      `/v2/ghcr/a/referrers/${D}?artifactType=x`,
      'ghcr.io',
      `/v2/a/referrers/${D}?artifactType=x`,
    ],
    ['POST', '/v2/ghcr/a/blobs/uploads', 'ghcr.io', '/v2/a/blobs/uploads/'],
    [
      'POST',
      '/v2/ghcr/a/blobs/uploads/?digest-algorithm=sha512',
      'ghcr.io',
      '/v2/a/blobs/uploads/?digest-algorithm=sha512',
    ],
    ['POST', '/v2/ghcr/a/blobs/uploads/?digest-algorithm=a%26b', 'ghcr.io', '/v2/a/blobs/uploads/'],
    [
      'PUT',
      `/v2/ghcr/a/manifests/${D}?tag=v1&ns=ghcr.io&tag=v2&tag=%0a&tag=a:b&x=y`,
      'ghcr.io',
      `/v2/ghcr/a/manifests/${D}?tag=v1&tag=v2`,
    ],
    ['POST', '/v2/ghcr.io/a/blobs/uploads/?ns=ghcr.io', 'ghcr.io', '/v2/a/blobs/uploads/'],
    // With ns, a word that is an alias elsewhere is the repository's own.
    ['GET', '/v2/ghcr/a/manifests/1?ns=ghcr.io', 'ghcr.io', '/v2/ghcr/a/manifests/1'],
    ['GET', '/v2/ghcr/a/manifests/1?ns=docker.io', 'docker.io', '/v2/ghcr/a/manifests/1'],
    [
      'POST',
      `/v2/docker.io/a/b/blobs/uploads/?mount=${D}&from=docker.io/alpine`,
      'docker.io',
      `/v2/a/b/blobs/uploads/?mount=sha256%3A${'a'.repeat(64)}&from=library%2Falpine`,
    ],
    [
      'POST',
      `/v2/ghcr/a/blobs/uploads/?mount=${D}&from=docker.io/b`,
      'ghcr.io',
      '/v2/a/blobs/uploads/',
    ],
    ['POST', `/v2/ghcr/a/blobs/uploads/?mount=${D}`, 'ghcr.io', '/v2/a/blobs/uploads/'],
  ])('%s %s', async (method, url, host, path) => {
    const { upstream, path: at } = await found(method, url)
    expect([upstream.host.name, at]).toEqual([host, path])
  })

  test('a port of its own takes the whole path as the repository', async () => {
    const { upstream, path, base } = await found('GET', '/v2/ghcr.io/a/manifests/1', true)
    expect([upstream.host.name, path, base]).toEqual([
      'ghcr.io',
      '/v2/ghcr.io/a/manifests/1',
      '/v2/ghcr.io/a',
    ])
  })

  test.each([
    ['GET', 'blobs/D', ['repository:a/b:pull']],
    ['PUT', 'manifests/1', ['repository:a/b:pull,push']],
    [
      'POST',
      'blobs/uploads/?mount=D&from=ghcr/c',
      ['repository:a/b:pull,push', 'repository:c:pull'],
    ],
    ['DELETE', 'blobs/uploads/x', ['repository:a/b:pull,push,delete']],
    ['DELETE', 'manifests/1', ['repository:a/b:delete']],
  ])('%s %s needs %j', async (method, rest, scopes) => {
    expect((await found(method, `/v2/ghcr/a/b/${rest.replace('D', D)}`)).scopes).toEqual(scopes)
  })
})

describe('no routes', () => {
  const long = `a${'/a'.repeat(128)}`
  test.each([
    ['GET', '/v2/quay.io/a/manifests/1', 404, 'NAME_UNKNOWN'],
    ['GET', '/v2/a/manifests/1', 404, 'NAME_UNKNOWN'],
    ['GET', '/v2/a/manifests/1?ns=quay.io', 404, 'NAME_UNKNOWN'],
    ['GET', '/v2/ghcr.io.evil.example/a/manifests/1', 404, 'NAME_UNKNOWN'],
    ['GET', '/v2/GHCR/a/manifests/1', 404, 'NAME_UNKNOWN'],
    ['GET', '/v2/docker.io/a/manifests/1?ns=ghcr.io', 400, 'NAME_INVALID'],
    ['GET', '/v2/ghcr.io/a/manifests/1?ns=docker.io', 400, 'NAME_INVALID'],
    ['GET', '/v2/a/manifests/1?ns=ghcr.io&ns=docker.io', 400, 'NAME_INVALID'],
    ['GET', '/v2/a/manifests/1?ns=ghcr.io@evil.example', 400, 'NAME_INVALID'],
    ['GET', '/v2/ghcr/../a/manifests/1', 400, 'NAME_INVALID'],
    ['GET', '/v2/ghcr/%2e%2e/a/manifests/1', 400, 'NAME_INVALID'],
    ['GET', '/v2/ghcr/a%2fb/manifests/1', 400, 'NAME_INVALID'],
    ['GET', '/v2/ghcr/a//b/manifests/1', 400, 'NAME_INVALID'],
    ['GET', '/v2/ghcr/A/manifests/1', 400, 'NAME_INVALID'],
    ['GET', '/v2/ghcr/manifests/1', 400, 'NAME_INVALID'],
    ['GET', `/v2/ghcr/${long}/manifests/1`, 400, 'NAME_INVALID'],
    ['GET', '/v2/ghcr/a\u0000/manifests/1', 400, 'NAME_INVALID'],
    ['GET', '/v2/ghcr/a/manifests/1#x', 400, 'NAME_INVALID'],
    ['GET', '/v2/ghcr/a/manifests/1?x=%zz&%zz=1', 400, 'UNSUPPORTED'],
    ['GET', 'http://localhost/v2/ghcr/a/manifests/1', 400, 'NAME_INVALID'],
    ['GET', '/v2/ghcr/a/manifests/-1', 404, 'NAME_INVALID'],
    ['GET', '/v2/ghcr/a/blobs/latest', 400, 'DIGEST_INVALID'],
    ['PUT', '/v2/ghcr/a/blobs/uploads/x?digest=latest', 400, 'DIGEST_INVALID'],
    ['PUT', `/v2/ghcr/a/blobs/uploads/x?digest=${D}&digest=${D}`, 400, 'DIGEST_INVALID'],
    ['GET', '/v2/_catalog', 404, 'UNSUPPORTED'],
    ['GET', '/v2/ghcr/_catalog', 404, 'UNSUPPORTED'],
    ['PUT', `/v2/ghcr/a/blobs/${D}`, 405, 'UNSUPPORTED'],
    ['POST', '/v2/ghcr/a/tags/list', 405, 'UNSUPPORTED'],
    ['TRACE', '/v2/ghcr/a/manifests/1', 405, 'UNSUPPORTED'],
    ['GET', `/v2/ghcr/a/blobs/uploads/${'x'.repeat(20_000)}`, 414, 'NAME_INVALID'],
  ])('%s %s', async (method, url, status, code) => {
    expect(await route(method, url)).toMatchObject({ status, code })
  })

  test('another ns than that of the port', async () => {
    const answer = await route('GET', '/v2/a/manifests/1?ns=docker.io', true)
    expect(answer).toMatchObject({ status: 400, code: 'NAME_INVALID' })
  })

  test('a host is only ever found, never taken from the path', async () => {
    const asked: string[] = []
    const table = createUpstreamTable([], async (host) => {
      asked.push(host.name)
      return undefined
    })
    await routeOf(table, undefined, 'GET', '/v2/127.0.0.1_22/a/manifests/1')
    await routeOf(table, undefined, 'GET', '/v2/library/a/manifests/1')
    expect(asked).toEqual(['127.0.0.1:22'])
  })
})
