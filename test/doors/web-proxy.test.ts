import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { testAuthority } from '../fakes/certificates.ts'
import { startEcr } from '../fakes/ecr.ts'
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

test('so is a cloud asked for a login', async () => {
  const signer = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'right' }
  const api = 'api.ecr.us-east-1.amazonaws.com'
  const ecr = await startEcr({
    hosts: [api],
    signer,
    expiresAt: new Date(Date.now() + 12 * 60 * 60_000),
  })
  const [[, there = ''] = []] = [...ecr.connect]
  const proxy = await startWebProxy({
    names: { [`${api}:443`]: Number(there.split(':')[1]) },
    login: LOGIN,
  })
  onTestFinished(async () => {
    await proxy.close()
    await ecr.close()
  })
  const home = mkdtempSync(join(tmpdir(), 'purser-p-'))
  onTestFinished(() => rmSync(home, { recursive: true }))
  writeFileSync(join(home, 'config.toml'), `[tls]\nca = ["${testAuthority().caFile}"]`)
  const env = {
    HTTPS_PROXY: `http://${LOGIN}@127.0.0.1:${proxy.port}`,
    AWS_ACCESS_KEY_ID: signer.accessKeyId,
    AWS_SECRET_ACCESS_KEY: signer.secretAccessKey,
    AWS_REGION: 'us-east-1',
  }
  const host = '123456789012.dkr.ecr.us-east-1.amazonaws.com'
  const names = Object.keys(env).slice(1).join()
  await purser(home, ['login', host, '--from-env', names], '', env)
  const got = await purser(home, ['get', host, '--json'], '', env)
  expect(got.stderr).toBe('')
  expect(JSON.parse(got.stdout)).toMatchObject({ username: 'AWS', secret: ecr.password })
  expect(proxy.asked.map(({ target }) => target)).toEqual([`${api}:443`])
})
