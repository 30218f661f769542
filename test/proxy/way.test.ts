import { describe, expect, test } from 'vitest'
import { isProblem } from '../../src/proxy/problem.ts'
import { createUpstreamTable } from '../../src/proxy/upstreams.ts'
import { wayOf } from '../../src/proxy/way.ts'
import { fakeRegistry, LOGIN, runProxy, talk, upstreamAt } from './harness.ts'

const GHCR = upstreamAt('ghcr.io', { tls: true, alias: 'gh' })
const CORP = upstreamAt('registry.corp.example:8443')
// These two are the same once their dots are dashes.
const TWINS = [upstreamAt('a-b.example'), upstreamAt('a.b.example')]
const table = createUpstreamTable([GHCR, CORP, ...TWINS], async (host) =>
  host.name === 'quay.io' ? upstreamAt('quay.io') : undefined,
)
const URL = '/v2/a/manifests/1'

const way = (url: string, host: string, own?: typeof GHCR) => wayOf(table, own, { url, host })

describe('a request names its registry outside of its path', () => {
  test.each([
    { name: 'not at all', url: URL, host: 'localhost:5000', named: undefined },
    { name: 'not by an address', url: URL, host: '127.0.0.1', named: undefined },
    { name: 'by alias', url: URL, host: 'gh.localhost:5000', named: 'ghcr.io' },
    { name: 'by host', url: URL, host: 'ghcr.io.localhost:5000', named: 'ghcr.io' },
    { name: 'with dashes', url: URL, host: 'ghcr-io.localhost', named: 'ghcr.io' },
    { name: 'in upper case', url: URL, host: 'GHCR-IO.localhost', named: 'ghcr.io' },
    {
      name: 'with dashes and port',
      url: URL,
      host: 'registry-corp-example-8443.localhost:5000',
      named: 'registry.corp.example:8443',
    },
    { name: 'by a known host', url: URL, host: 'quay.io.localhost', named: 'quay.io' },
    { name: 'absolutely', url: `http://ghcr.io${URL}`, host: 'ghcr.io', named: 'ghcr.io' },
    { name: 'by https', url: `https://ghcr.io${URL}`, host: 'ghcr.io', named: 'ghcr.io' },
    { name: 'by our own url', url: `http://localhost:5000${URL}`, host: 'x', named: undefined },
    // RFC 9112 3.2.2: of the two, the target counts.
    { name: 'twice', url: `http://ghcr.io${URL}`, host: 'quay.io.localhost', named: 'ghcr.io' },
  ])('$name', async ({ url, host, named }) => {
    const found = await way(url, host)
    expect(found).toMatchObject({ url: URL })
    expect(isProblem(found) ? found : found.own?.host.name).toBe(named)
  })

  test('what an HTTP proxy is asked for is fetched, wherever it lies', async () => {
    const found = await way(`http://ghcr.io${URL}`, 'ghcr.io')
    expect(found).toMatchObject({ own: { redirects: 'follow' } })
    expect(await way(URL, 'ghcr-io.localhost')).toMatchObject({ own: { redirects: 'pass' } })
    expect(await way(`http://ghcr.io${URL}`, 'ghcr.io')).toEqual(found)
  })

  test.each([
    { name: 'an unknown label', url: URL, host: 'evil.localhost', status: 404 },
    { name: 'an unknown host', url: URL, host: 'ghcr.io.evil.example.localhost', status: 404 },
    { name: 'one of twins', url: URL, host: 'a-b-example.localhost', status: 404 },
    { name: 'an unknown target', url: `http://evil.example${URL}`, host: 'x', status: 404 },
    { name: 'a metadata service', url: 'http://169.254.169.254/v2/', host: 'x', status: 404 },
  ])('$name is not found', async ({ url, host, status }) => {
    expect(await way(url, host)).toMatchObject({ status, code: 'NAME_UNKNOWN' })
  })

  test('another than that of the port is a conflict', async () => {
    expect(await way(URL, 'quay.io.localhost', GHCR)).toMatchObject({ status: 400 })
    expect(await way(URL, 'ghcr-io.localhost', GHCR)).toMatchObject({ own: GHCR })
  })
})

describe('on the wire', () => {
  async function set() {
    const registry = await fakeRegistry()
    registry.putManifest('a', '1', Buffer.from('{"made":"here"}'))
    const running = await runProxy([upstreamAt(registry.host, { alias: 'corp' })], {
      login: () => LOGIN,
    })
    return { ...running, registry }
  }
  const request = (target: string, host: string, more = '') =>
    `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${more}\r\n`

  test.each(['corp.localhost', 'corp.localhost:5000'])('Host: %s', async (host) => {
    const { port, resolved } = await set()
    expect(await talk(port, request(URL, host))).toMatch(/200 OK[\s\S]*oci-namespace[\s\S]*made/)
    expect(resolved[0]?.repository).toBe('a')
  })

  test('an absolute target', async () => {
    const { port, registry } = await set()
    const target = `http://${registry.host}${URL}`
    expect(await talk(port, request(target, registry.host))).toMatch(/200 OK[\s\S]*made/)
    expect(registry.asked[0]?.headers.host).toBe(registry.host)
  })

  test('what such a client asks first', async () => {
    const { port, registry } = await set()
    const ping = request(`http://${registry.host}/v2/`, registry.host)
    expect(await talk(port, ping)).toMatch(/200 OK[\s\S]*{}$/)
    expect(registry.asked).toEqual([])
  })

  test('a page of the web cannot', async () => {
    const { port, registry } = await set()
    const origin = 'Origin: https://evil.example\r\n'
    expect(await talk(port, request(`http://${registry.host}${URL}`, 'x', origin))).toMatch(/ 403 /)
    expect(await talk(port, request(URL, 'ghcr.io'))).toMatch(/ 421 /)
  })

  test('upload locations stay below the name that was used', async () => {
    const { port } = await set()
    const start = `POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: corp.localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`
    expect(await talk(port, start)).toMatch(
      /202 Accepted[\s\S]*location: \/v2\/a\/blobs\/uploads\//,
    )
  })

  test('CONNECT is nothing that it does', async () => {
    const { port, registry } = await set()
    const connect = `CONNECT ${registry.host} HTTP/1.1\r\nHost: ${registry.host}\r\n\r\n`
    expect(await talk(port, connect)).toBe('')
    expect(registry.asked).toEqual([])
  })
})
