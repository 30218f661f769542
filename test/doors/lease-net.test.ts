import { createServer } from 'node:https'
import { expect, onTestFinished, test } from 'vitest'
import { testAuthority } from '../fakes/certificates.ts'
import { listen, sendJson, stop } from '../fakes/http.ts'
import { ask, errorOf } from '../proxy/harness.ts'
import { openLease, requestFor, showing } from './agent.ts'
import { purser, serve } from './serving.ts'

/** A registry of this network, whose certificate this node trusts; it asks nobody who he is. */
async function startNear() {
  const asked: string[] = []
  const server = createServer(testAuthority().certificateFor('localhost'), (req, res) => {
    asked.push(`${req.method} ${req.url}`)
    sendJson(res, 200, { schemaVersion: 2 })
  })
  const port = await listen(server)
  onTestFinished(() => stop(server))
  return { host: `localhost:${port}`, asked }
}

const PROXY = ['[proxy]', 'listen = ["127.0.0.1:0"]', 'client_auth = "lease"']
const CA = ['[tls]', `ca = ["${testAuthority().caFile}"]`]

function readAs(secret: string, url: string, host: string, init = {}) {
  const path = `${url}/v2/${host.replace(':', '_')}/acme/app`
  return ask(`${path}/manifests/1`, { headers: showing(secret), ...init })
}

test('a request leads to no address of this network', async () => {
  const { host, asked } = await startNear()
  const { home, url } = await serve([...PROXY, ...CA])
  const { secret } = await openLease(home, requestFor({ host, user: 'u', password: 'p' }))
  const read = await readAs(secret, url, host)
  expect(read.status).toBe(502)
  expect(errorOf(read).message).toContain('refused to connect to localhost at')
  const headers = { ...showing(secret), expect: '100-continue' }
  const pushed = await readAs(secret, url, host, {
    method: 'PUT',
    body: Buffer.from('{}'),
    headers,
  })
  expect(pushed.status).toBe(502)
  expect(asked).toEqual([])
})

test('nor does an entry of its workspace, which the platform may have of its user', async () => {
  const { host, asked } = await startNear()
  const { home, url } = await serve([...PROXY, ...CA])
  await purser(home, ['login', host, '--username', 'u', '--password-stdin'], 'p')
  const { secret } = await openLease(home, {})
  expect(await readAs(secret, url, host)).toMatchObject({ status: 502 })
  expect(asked).toEqual([])
})

test.each([
  ['an upstream', (host: string) => ['[[upstream]]', `host = "${host}"`]],
  ['the build registry', (host: string) => ['[build_registry]', `host = "${host}"`]],
])('%s: one that the configuration names is reached wherever it is', async (_, configured) => {
  const { host, asked } = await startNear()
  const { home, url } = await serve([...PROXY, ...configured(host), ...CA])
  const { secret } = await openLease(home, requestFor({ host, user: 'u', password: 'p' }))
  expect(await readAs(secret, url, host)).toMatchObject({ status: 200 })
  expect(asked.at(-1)).toBe('GET /v2/acme/app/manifests/1')
})
