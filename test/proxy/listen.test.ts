import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { ListenAddress } from '../../src/config/config.ts'
import { codeOf, describeError, hintOf } from '../../src/model/errors.ts'
import { testAuthority } from '../fakes/certificates.ts'
import { fakeRegistry, type RunOptions, runProxy, talk, upstreamAt } from './harness.ts'

test('a port that is taken: which, and what to do', async () => {
  const { port } = await runProxy([])
  const { proxy } = await runProxy([])
  const error = await proxy.listen({ address: '127.0.0.1', port }).catch((cause: unknown) => cause)
  expect(describeError(error)).toMatch(`cannot listen on 127.0.0.1:${port}: `)
  expect(hintOf(error)).toBe('stop what listens there, or choose a port with --listen')
})

async function set(listen: ListenAddress, options: RunOptions = {}) {
  const registry = await fakeRegistry()
  registry.putManifest('a', '1', Buffer.from('manifest'))
  const upstream = upstreamAt(registry.host, { alias: 'corp' })
  const running = await runProxy([upstream], { ...options, listen })
  return { ...running, registry }
}

function read(request: typeof httpRequest, options: object): Promise<string> {
  return new Promise((resolve, reject) => {
    const req = request({ ...options, agent: false }, (res) => {
      res.setEncoding('utf8')
      let text = `${res.statusCode} `
      res.on('data', (chunk: string) => {
        text += chunk
      })
      res.on('end', () => resolve(text))
    })
    req.on('error', reject).end()
  })
}

const TLS = { address: '127.0.0.1', port: 0, tls: true } as const
const SHOWN = testAuthority().certificateFor('localhost', '127.0.0.1')

test('with TLS, for clients that know no other way', async () => {
  const { port } = await set(TLS, { certificate: SHOWN })
  const path = '/v2/corp/a/manifests/1'
  const { ca } = testAuthority()
  expect(await read(httpsRequest, { port, path, host: 'localhost', ca })).toBe('200 manifest')
  const plain = `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`
  expect(await talk(port, plain).catch(() => '')).toBe('')
})

test('with TLS and no certificate, not at all', async () => {
  const { proxy } = await runProxy([])
  const error = await proxy.listen(TLS).catch((cause: unknown) => cause)
  expect([codeOf(error), hintOf(error)]).toEqual([
    'config-invalid',
    'name the files in cert and key of [proxy]',
  ])
})

/** Where only its owner may come. */
function socketPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'purser-l-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return join(folder, 'proxy.sock')
}

const uid = process.getuid?.() ?? 0

test.each([
  { name: 'the path', path: '/v2/corp/a/manifests/1', host: () => 'localhost' },
  { name: 'whatever host a client makes up', path: '/v2/corp/a/manifests/1', host: () => 'x' },
  { name: 'the Host header', path: '/v2/a/manifests/1', host: (registry: string) => registry },
])('on a unix socket, by $name', async ({ path, host }) => {
  const socket = socketPath()
  const { registry } = await set({ path: socket }, { uid })
  const asked = { socketPath: socket, path, headers: { Host: host(registry.host) } }
  expect(await read(httpRequest, asked)).toBe('200 manifest')
  expect(statSync(socket).mode & 0o777).toBe(0o600)
})

test('a unix socket that a dead process left is taken over, a live one is not', async () => {
  const path = socketPath()
  writeFileSync(path, '')
  const first = await set({ path }, { uid })
  const { proxy } = await runProxy([])
  const error = await proxy.listen({ path }).catch((cause: unknown) => cause)
  expect(codeOf(error)).toBe('not-allowed')
  await first.proxy.close(0)
  await proxy.listen({ path })
})
