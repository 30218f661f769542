import { appendFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { testAuthority } from '../fakes/certificates.ts'
import { type FakeRegistry, startRegistry } from '../fakes/registry.ts'
import { startWebProxy } from '../fakes/web-proxy.ts'
import { openShipped, type Shipped } from './shipped.ts'

const HOST = 'registry.example'
const PASSWORD = 'canary-of-the-wire'
const AUTH = { kind: 'basic', username: 'captain', password: PASSWORD } as const

const authority = testAuthority()

let shipped: Shipped

beforeEach(async () => {
  shipped = await openShipped()
  const login = ['login', HOST, '--username', AUTH.username, '--password-stdin']
  expect(await shipped.purser(login, PASSWORD)).toMatchObject({ status: 0 })
})

afterEach(() => shipped.stack.disposeAsync())

async function startUpstream(tls: boolean): Promise<{ registry: FakeRegistry; config: string[] }> {
  const registry = await startRegistry({
    auth: AUTH,
    ...(tls && { tls: authority.certificateFor(HOST) }),
  })
  shipped.stack.defer(() => registry.close())
  registry.putManifest('app', 'v1', Buffer.from('{}'))
  const config = [
    '[[upstream]]',
    `host = "${HOST}"`,
    `tls = ${tls}`,
    '[connect]',
    `"${HOST}:${tls ? 443 : 80}" = "${registry.host}"`,
  ]
  return { registry, config }
}

describe('a certificate that only the environment trusts', () => {
  it.each([
    ['NODE_TLS_REJECT_UNAUTHORIZED', { NODE_TLS_REJECT_UNAUTHORIZED: '0' }],
    ['NODE_EXTRA_CA_CERTS', { NODE_EXTRA_CA_CERTS: authority.caFile }],
    ['SSL_CERT_FILE', { NODE_USE_SYSTEM_CA: '1', SSL_CERT_FILE: authority.caFile }],
  ])('%s gets no credential', async (_name, env) => {
    const { registry, config } = await startUpstream(true)
    const serving = await shipped.serve(config, env)
    expect(await serving.get(`/v2/${HOST}/app/manifests/v1`)).toMatchObject({ status: 502 })
    expect(registry.asked).toEqual([])
  })

  it('is trusted by [tls] ca', async () => {
    const { registry, config } = await startUpstream(true)
    const serving = await shipped.serve([...config, '[tls]', `ca = ["${authority.caFile}"]`])
    expect(await serving.get(`/v2/${HOST}/app/manifests/v1`)).toEqual({ status: 200, body: '{}' })
    expect(registry.asked).not.toEqual([])
  })
})

describe('a proxy that the environment names', () => {
  it.each([
    ['plain', false],
    ['TLS', true],
  ])('sees nothing of a %s upstream that [connect] leads to', async (_name, tls) => {
    let connections = 0
    const proxy = createServer((socket) => {
      connections++
      socket.destroy()
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    shipped.stack.defer(async () => void proxy.close())
    const address = proxy.address()
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
    const { registry, config } = await startUpstream(tls)
    const serving = await shipped.serve([...config, '[tls]', `ca = ["${authority.caFile}"]`], {
      NODE_USE_ENV_PROXY: '1',
      HTTP_PROXY: url,
      HTTPS_PROXY: url,
      http_proxy: url,
      https_proxy: url,
      ALL_PROXY: url,
    })
    expect(await serving.get(`/v2/${HOST}/app/manifests/v1`)).toEqual({ status: 200, body: '{}' })
    expect(registry.asked).not.toEqual([])
    expect(connections).toBe(0)
  })
})

describe("Node's own talk", () => {
  it.each(['https', 'http,https,net,tls,undici,fetch', '*'])(
    'NODE_DEBUG=%s shows no header',
    async (sections) => {
      const { registry, config } = await startUpstream(true)
      const env = { NODE_DEBUG: sections }
      const serving = await shipped.serve([...config, '[tls]', `ca = ["${authority.caFile}"]`], env)
      expect(await serving.get(`/v2/${HOST}/app/manifests/v1`)).toMatchObject({ status: 200 })
      expect(registry.asked).not.toEqual([])
      expect(serving.output()).not.toMatch(/authorization/i)
      expect(serving.output()).not.toContain(PASSWORD)
      expect(serving.output()).not.toContain(Buffer.from(`captain:${PASSWORD}`).toString('base64'))
      const answer = `{"ServerURL":"${HOST}","Username":"captain","Secret":"${PASSWORD}"}\n`
      const got = await shipped.helper('get', HOST, env)
      expect(got).toMatchObject({ status: 0, stdout: answer })
      expect(got.stderr).not.toMatch(/authorization|canary/i)
    },
  )

  it('is the way to a registry by TLS, and to another after a hangup', async () => {
    const { registry } = await startUpstream(true)
    const proxy = await startWebProxy({
      names: { [`${HOST}:443`]: Number(registry.host.split(':')[1]) },
    })
    shipped.stack.defer(() => proxy.close())
    const config = ['[[upstream]]', `host = "${HOST}"`, '[tls]', `ca = ["${authority.caFile}"]`]
    const serving = await shipped.serve(config, {
      HTTPS_PROXY: `http://127.0.0.1:${proxy.port}`,
    })
    const pull = () => serving.get(`/v2/${HOST}/app/manifests/v1`)
    expect(await pull()).toEqual({ status: 200, body: '{}' })
    expect(proxy.asked.length).toBeGreaterThan(0)
    const file = join(shipped.folder, 'config.toml')
    await appendFile(file, '\n[net]\nproxy = "http://127.0.0.1:9"\n')
    process.kill(serving.pid, 'SIGHUP')
    await expect
      .poll(() => serving.output(), { timeout: 10_000 })
      .toContain('configuration reloaded')
    expect(await pull()).toMatchObject({
      status: 502,
      body: expect.stringContaining('cannot reach the proxy 127.0.0.1:9'),
    })
  })
})
