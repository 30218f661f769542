import { expect, onTestFinished, test } from 'vitest'
import { testAuthority } from '../fakes/certificates.ts'
import { startWebProxy } from '../fakes/web-proxy.ts'
import { ask, BEARER, errorOf, fakeRegistry } from '../proxy/harness.ts'
import { purser, serve } from './serving.ts'

/** Nobody but the proxy knows this name: RFC 6761 has it resolve nowhere. */
const HOST = 'registry.invalid'

const LOGIN = 'ann:proxy-hunter2'

async function set(variable: string) {
  const tls = testAuthority().certificateFor(HOST)
  const registry = await fakeRegistry({ auth: { ...BEARER, realm: `https://${HOST}/token` }, tls })
  const proxy = await startWebProxy({
    names: { [`${HOST}:443`]: Number(registry.host.split(':')[1]) },
    login: LOGIN,
  })
  onTestFinished(() => proxy.close())
  const digest = registry.putBlob('a', Buffer.from('blob'))
  const env = { [variable]: `http://${LOGIN}@127.0.0.1:${proxy.port}` }
  const lines = [
    '[proxy]',
    'listen = ["127.0.0.1:0"]',
    '[tls]',
    `ca = ["${testAuthority().caFile}"]`,
  ]
  const serving = await serve(lines, { env })
  const login = ['login', HOST, '--username', 'ann', '--password-stdin']
  await purser(serving.home, login, BEARER.password)
  return {
    ...serving,
    registry,
    proxy,
    env,
    lines,
    blob: `${serving.url}/v2/${HOST}/a/blobs/${digest}`,
  }
}

test.each(['HTTPS_PROXY', 'https_proxy'])(
  'a blob, its token and a check go by %s',
  async (name) => {
    const { blob, proxy, home, env, log, heard } = await set(name)
    expect((await ask(blob)).body.toString()).toBe('blob')
    expect(new Set(proxy.asked.map(({ target }) => target))).toEqual(new Set([`${HOST}:443`]))
    const checked = await purser(home, ['check'], '', env)
    expect(checked.status).toBe(0)
    await heard('request')
    expect(JSON.stringify(log())).not.toContain('hunter2')
  },
)

test('a proxy that will not is told to who pulls, and another is taken at a hangup', async () => {
  const { blob, proxy, reload, lines, url } = await set('HTTPS_PROXY')
  const other = await startWebProxy()
  onTestFinished(() => other.close())
  await reload(...lines, '[net]', `proxy = "http://127.0.0.1:${other.port}"`)
  expect(errorOf(await ask(blob)).message).toMatch(
    `: the proxy 127.0.0.1:${other.port} will not connect to ${HOST}:443, status 403; have it allowed there, or,`,
  )
  const before = proxy.asked.length
  await reload(...lines)
  expect((await ask(blob)).status).toBe(200)
  expect(proxy.asked.length).toBeGreaterThan(before)
  expect((await ask(`${url}/livez`)).status).toBe(200)
})
