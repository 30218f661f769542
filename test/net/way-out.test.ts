import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { defaultConfig, type NetConfig } from '../../src/config/config.ts'
import { findPaths } from '../../src/config/paths.ts'
import { codeOf, describeError, hintOf } from '../../src/model/errors.ts'
import { createNet } from '../../src/net/undici.ts'
import { openDialer } from '../../src/net/way-out.ts'
import { startWebProxy } from '../fakes/web-proxy.ts'
import { AUTHORITY, tlsServer } from './harness.ts'

const folder = () => {
  const made = mkdtempSync(join(tmpdir(), 'purser-w-'))
  onTestFinished(() => rmSync(made, { recursive: true }))
  return made
}

const uid = process.getuid?.()

function open(net: Partial<NetConfig>, env: Record<string, string> = {}) {
  const config = defaultConfig(findPaths({ PURSER_HOME: '/nowhere' }, 0))
  const tls = { ca: [AUTHORITY.caFile] }
  return openDialer({ ...config, tls, net: { ...config.net, ...net } }, { env, uid })
}

test.each([
  { name: 'a file', from: (file: string) => `file:${file}` },
  { name: 'the environment', from: () => 'env:PROXY_LOGIN' },
])('a login of $name opens the proxy', async ({ from }) => {
  const server = await tlsServer('ghcr.io')
  const login = 'corp\\ann:hünter 2'
  const proxy = await startWebProxy({ names: { 'ghcr.io:443': server.port }, login })
  onTestFinished(() => proxy.close())
  const file = join(folder(), 'login')
  writeFileSync(file, `${login}\n`, { mode: 0o600 })
  const dial = open(
    { proxy: `http://127.0.0.1:${proxy.port}`, proxyAuth: from(file) },
    { PROXY_LOGIN: login, HTTPS_PROXY: 'http://127.0.0.1:9', NO_PROXY: '*' },
  )
  const net = createNet(dial)
  onTestFinished(() => net.close())
  const answer = await net.upstream.request({ origin: 'https://ghcr.io', path: '/', method: 'GET' })
  expect(await answer.body.json()).toEqual({ bytes: 1 })
})

test.each([
  {
    name: 'is not there',
    content: undefined,
    told: /^cannot read the file of proxy_auth of \[net\]: ENOENT/,
  },
  {
    name: 'others can read',
    mode: 0o644,
    told: /login can be read by others$/,
    code: 'unsafe-file',
    hint: /^make it yours alone: chmod 600 /,
  },
  { name: 'holds no colon', content: 'hunter2', told: /login holds no user:password$/ },
  { name: 'holds two lines', content: 'ann:a\nX: y', told: /login holds no user:password$/ },
])('a file of a login that $name: told', ({ content, mode = 0o600, told, code, hint, name }) => {
  const file = join(folder(), 'login')
  if (name !== 'is not there') writeFileSync(file, content ?? 'ann:hunter2', { mode })
  let error: unknown
  try {
    open({ proxy: 'http://proxy.corp', proxyAuth: `file:${file}` })
  } catch (thrown) {
    error = thrown
  }
  expect(codeOf(error)).toBe(code ?? 'config-invalid')
  expect(describeError(error)).toMatch(told)
  expect(describeError(error)).not.toContain('hunter2')
  if (hint !== undefined) expect(hintOf(error)).toMatch(hint)
})

test('a variable of a login that is not set is told', () => {
  expect(() => open({ proxy: 'http://proxy.corp', proxyAuth: 'env:NOT_SET' })).toThrow(
    'proxy_auth of [net]: env:NOT_SET holds no user:password',
  )
})
