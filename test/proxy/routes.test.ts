import type { IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { createRoutes, type Routes } from '../../src/proxy/routes.ts'
import { createUpstreamTable } from '../../src/proxy/upstreams.ts'
import { upstreamAt } from './harness.ts'

const DIGEST = `sha256:${'a'.repeat(64)}`
const BLOB = `/v2/ghcr.io/acme/app/blobs/${DIGEST}`
const DOOR: Parameters<Routes>[0] = { own: undefined, open: false }

/** Routes to whatever host has a credential, and how often that was looked up. */
function startRoutes() {
  const clock = { ms: 0 }
  const known = new Set(['ghcr.io'])
  const asked: string[] = []
  const upstreams = createUpstreamTable([], async ({ name }) => {
    asked.push(name)
    return known.has(name) ? upstreamAt(name) : undefined
  })
  const metrics = async () => ({ kind: 'local', type: 'text/plain', body: `${clock.ms}` }) as const
  const routes = createRoutes({ upstreams, metrics, now: () => clock.ms })
  const ask = async (method: string, url: string, host = 'localhost', door = DOOR) =>
    routes(door, { method, url, rawHeaders: ['Host', host] } as IncomingMessage)
  return { ask, asked, clock, known }
}

describe('routes', () => {
  it('are found once for a thousand ranges of a blob', async () => {
    const { ask, asked } = startRoutes()
    const first = await ask('GET', BLOB)
    for (let i = 0; i < 1_000; i++) expect(await ask('GET', BLOB)).toBe(first)
    expect(first).toMatchObject({ kind: 'blob', repository: 'acme/app', reference: DIGEST })
    expect(asked).toEqual(['ghcr.io'])
  })

  it('are found again after a second, when the host may have none any more', async () => {
    const { ask, clock, known } = startRoutes()
    await ask('GET', BLOB)
    known.clear()
    clock.ms = 999
    expect(await ask('GET', BLOB)).toMatchObject({ kind: 'blob' })
    clock.ms = 1_000
    expect(await ask('GET', BLOB)).toMatchObject({ status: 404, code: 'NAME_UNKNOWN' })
  })

  it.each([
    ['another Host header', { host: 'ghcr-io.localhost' }],
    ['another method', { method: 'HEAD' }],
    ['another query', { url: `${BLOB}?ns=quay.io` }],
    ['a port of its own', { door: { own: upstreamAt('quay.io'), open: false } }],
    ['a unix socket', { door: { own: undefined, open: true }, host: 'quay.io' }],
  ] as const)('are not taken from another request: %s', async (_, other) => {
    const { ask } = startRoutes()
    const first = await ask('GET', BLOB)
    const { method, url, host, door } = {
      method: 'GET',
      url: BLOB,
      host: 'x',
      door: DOOR,
      ...other,
    }
    expect(await ask(method, url, host, door)).not.toBe(first)
  })

  it('remember nothing of what the proxy answers itself', async () => {
    const { ask, clock } = startRoutes()
    expect(await ask('GET', '/metrics')).toMatchObject({ body: '0' })
    clock.ms = 1
    expect(await ask('GET', '/metrics')).toMatchObject({ body: '1' })
    expect(await ask('GET', 'http://localhost/metrics')).toMatchObject({ body: '1' })
  })
})
