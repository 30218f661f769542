import { once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { request } from 'node:http'
import { connect, createServer } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import { testAuthority } from '../fakes/certificates.ts'
import { startEcr } from '../fakes/ecr.ts'
import { ask, BASIC, BEARER, errorOf, fakeRegistry } from '../proxy/harness.ts'
import { purser, serve } from './serving.ts'

const PROXY = ['[proxy]', 'listen = ["127.0.0.1:0"]']

function upstream(host: string, ...more: readonly string[]): readonly string[] {
  return ['[[upstream]]', `host = "${host}"`, 'tls = false', ...more]
}

test('a hangup has the file read anew, and nothing that is under way is dropped', async () => {
  const [first, second] = [await fakeRegistry({ auth: BASIC }), await fakeRegistry()]
  const bytes = Buffer.alloc(8 * 1024 * 1024, 'x')
  const digest = first.putBlob('acme/app', bytes)
  second.putManifest('acme/app', '1', Buffer.from('manifest'))
  const { home, url, reload } = await serve([...PROXY, ...upstream(first.host)])
  await purser(home, ['login', first.host, '--username', 'ann', '--password-stdin'], BASIC.password)
  const at = (host: string) => `${url}/v2/${host.replace(':', '_')}/acme/app`

  // A pull that stands in its middle, and a push that has only begun.
  const pull = request(`${at(first.host)}/blobs/${digest}`, { agent: false }).end()
  const [response] = await once(pull, 'response')
  const begun = await ask(`${at(first.host)}/blobs/uploads/`, { method: 'POST' })

  expect(await reload(...PROXY, ...upstream(first.host), ...upstream(second.host))).toMatchObject({
    level: 'info',
    msg: 'configuration reloaded',
  })
  expect((await ask(`${at(second.host)}/manifests/1`)).body.toString()).toBe('manifest')

  const patched = await ask(`${url}${begun.headers.location}`, { method: 'PATCH', body: bytes })
  const put = `${url}${patched.headers.location}?digest=${digest}`
  expect((await ask(put, { method: 'PUT' })).status).toBe(201)
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk)
  expect(Buffer.concat(chunks).equals(bytes)).toBe(true)
})

test.each([
  {
    name: 'that is no TOML',
    lines: ['[proxy'],
    error: /config\.toml is not TOML in line 1$/,
  },
  {
    name: 'with a key that nobody knows',
    lines: ['[proxy]', 'listne = []'],
    error: /proxy\.listne is not a key that purser knows$/,
    hint: 'did you mean listen?',
  },
  {
    name: 'with a file of certificates that is not there',
    lines: ['[tls]', 'ca = ["nowhere.pem"]'],
    error: /^cannot read a file of \[tls\] ca: ENOENT/,
  },
  {
    name: 'with an address that is taken',
    lines: ['[proxy]', 'listen = ["127.0.0.1:0", "127.0.0.1:TAKEN"]'],
    error: /^cannot listen on 127\.0\.0\.1:[0-9]+: .*EADDRINUSE/,
    hint: 'stop what listens there, or choose a port with --listen',
  },
])('a file $name changes nothing', async ({ lines, error, hint }) => {
  const registry = await fakeRegistry()
  registry.putManifest('a', '1', Buffer.from('manifest'))
  const { url, reload } = await serve([...PROXY, ...upstream(registry.host)])
  const taken = registry.host.replace(/.*:/, '')
  const told = await reload(...lines.map((line) => line.replace('TAKEN', taken)))
  expect(told).toMatchObject({
    level: 'error',
    msg: 'configuration not reloaded, the one before holds',
    error: expect.stringMatching(error),
    ...(hint && { hint }),
  })
  const answer = await ask(`${url}/v2/${registry.host.replace(':', '_')}/a/manifests/1`)
  expect(answer.status).toBe(200)
})

test('listeners come and go, and one that goes lets its transfers end', async () => {
  const registry = await fakeRegistry()
  const bytes = Buffer.alloc(8 * 1024 * 1024, 'x')
  const digest = registry.putBlob('a', bytes)
  const own = upstream(registry.host, 'listen = "127.0.0.1:0"')
  const { reload, heard, url } = await serve([...PROXY, ...own])
  const { address } = await heard('proxy listening', 1)
  const pull = request(`http://${address}/v2/a/blobs/${digest}`).end()
  const [response] = await once(pull, 'response')

  await reload(...PROXY, ...upstream(registry.host))
  expect(await heard('proxy no longer listening')).toMatchObject({
    address,
    upstream: registry.host,
  })
  const refused = connect(Number(String(address).split(':')[1]), '127.0.0.1')
  const [error] = await once(refused, 'error')
  expect(error).toMatchObject({ code: 'ECONNREFUSED' })
  let size = 0
  for await (const chunk of response) size += chunk.length
  expect(size).toBe(bytes.length)

  await reload(...PROXY, ...own)
  const again = await heard('proxy listening', 2)
  expect((await ask(`http://${again['address']}/v2/a/blobs/${digest}`)).status).toBe(200)
  expect((await ask(`${url}/livez`)).status).toBe(200)
})

test('policies hold from the next request on, and tokens are not asked for again', async () => {
  const registry = await fakeRegistry({ auth: BEARER })
  const digest = registry.putBlob('a', Buffer.from('blob'))
  const login = upstream(registry.host)
  const { home, url, reload } = await serve([...PROXY, ...login])
  await purser(
    home,
    ['login', registry.host, '--username', 'ann', '--password-stdin'],
    BEARER.password,
  )
  const blob = `${url}/v2/${registry.host.replace(':', '_')}/a/blobs/${digest}`
  expect((await ask(blob)).status).toBe(200)
  await reload(...PROXY, ...login, 'repositories = ["b"]')
  expect(errorOf(await ask(blob))).toMatchObject({ code: 'DENIED' })
  await reload(...PROXY, ...login)
  expect((await ask(blob)).status).toBe(200)
  expect(registry.tokens).toEqual(['repository:a:pull'])
})

test('a login that a cloud has given is not asked for again', async () => {
  const signer = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'right' }
  const ecr = await startEcr({
    hosts: ['api.ecr.us-east-1.amazonaws.com'],
    signer,
    expiresAt: new Date(Date.now() + 12 * 60 * 60_000),
  })
  onTestFinished(() => ecr.close())
  const routes = [...ecr.connect].map(([from, to]) => `"${from}" = "${to}"`)
  const tls = ['[tls]', `ca = ["${testAuthority().caFile}"]`]
  const lines = [...PROXY, ...tls, '[connect]', ...routes]
  // In memory alone: it is the agent's own that is to outlive its configuration.
  const { home, reload } = await serve(lines, { env: { PURSER_CACHE: 'off' } })
  const host = '123456789012.dkr.ecr.us-east-1.amazonaws.com'
  const keys = {
    AWS_ACCESS_KEY_ID: signer.accessKeyId,
    AWS_SECRET_ACCESS_KEY: signer.secretAccessKey,
    AWS_REGION: 'us-east-1',
  }
  await purser(home, ['login', host, '--from-env', Object.keys(keys).join()], '', keys)
  const get = async () => JSON.parse((await purser(home, ['get', host, '--json'])).stdout)
  expect(await get()).toMatchObject({ username: 'AWS', secret: ecr.password })
  const before = ecr.calls.length
  await reload(...lines, '"x.invalid:1" = "127.0.0.1:1"')
  expect(await get()).toMatchObject({ username: 'AWS', secret: ecr.password })
  await reload(...lines)
  expect(await get()).toMatchObject({ username: 'AWS', secret: ecr.password })
  expect(ecr.calls.length).toBe(before)
})

test('what only a start can change is told', async () => {
  const { reload, heard } = await serve(PROXY)
  await reload(...PROXY, '[vault]', 'url = "sqlite:other.db"', 'key = "env:KEY"')
  expect(await heard('a restart is needed')).toMatchObject({ changed: 'vault.url, vault.key' })
})

test('a dozen reloads amid pulls and pushes cost no request, and leave nothing behind', async () => {
  const registry = await fakeRegistry({ auth: BEARER })
  const bytes = Buffer.alloc(256 * 1024, 'x')
  const digest = registry.putBlob('a', bytes)
  const lines = [...PROXY, ...upstream(registry.host)]
  const { home, url, pid, reload, exited } = await serve(lines)
  const login = ['login', registry.host, '--username', 'ann', '--password-stdin']
  await purser(home, login, BEARER.password)
  const at = `${url}/v2/${registry.host.replace(':', '_')}/a`
  let reloading = true
  const seen: number[] = []
  async function client(): Promise<void> {
    while (reloading) {
      const pulled = await ask(`${at}/blobs/${digest}`)
      const begun = await ask(`${at}/blobs/uploads/`, { method: 'POST' })
      const place = `${url}${begun.headers.location}`
      const pushed = await ask(`${place}?digest=${digest}`, { method: 'PUT', body: bytes })
      seen.push(pulled.status, pulled.body.length, begun.status, pushed.status)
    }
  }
  const clients = Array.from({ length: 8 }, client)
  for (let i = 0; i < 12; i++) {
    // Another way out each time: nothing of the last one's is used again.
    expect(
      await reload(...lines, '[connect]', `"x.invalid:${i + 1}" = "127.0.0.1:1"`),
    ).toMatchObject({ level: 'info' })
  }
  reloading = false
  await Promise.all(clients)
  expect(new Set(seen)).toEqual(new Set([200, bytes.length, 202, 201]))
  // What the last one holds is open; what those before it held is not.
  await expect.poll(() => openTo(pid, registry.host), { timeout: 10_000 }).toBeLessThanOrEqual(16)
  process.kill(pid, 'SIGTERM')
  expect(await exited).toBe(143)
})

describe('TLS', () => {
  const tls = (shown: { readonly certFile: string; readonly keyFile: string }) => [
    '[proxy]',
    `listen = ["127.0.0.1:0", "tls://127.0.0.1:0"]`,
    `cert = "${shown.certFile}"`,
    `key = "${shown.keyFile}"`,
  ]
  const namesAt = (port: number) =>
    new Promise<string>((resolve, reject) => {
      const { ca } = testAuthority()
      const socket = tlsConnect({ port, host: '127.0.0.1', servername: 'localhost', ca }, () => {
        resolve(String(socket.getPeerCertificate().subjectaltname))
        socket.destroy()
      }).on('error', reject)
    })

  test('shows a new certificate from the next connection on', async () => {
    const authority = testAuthority()
    const [first, second] = [
      authority.certificateFor('localhost'),
      authority.certificateFor('localhost', 'renewed.example'),
    ]
    const { reload, heard } = await serve(tls(first))
    const { address } = await heard('proxy listening', 1)
    const port = Number(String(address).split(':').at(-1))
    expect(await namesAt(port)).toBe('DNS:localhost')
    await reload(...tls(second))
    expect(await namesAt(port)).toBe('DNS:localhost, DNS:renewed.example')
    const mixed = { certFile: first.certFile, keyFile: second.keyFile }
    expect(await reload(...tls(mixed))).toMatchObject({
      level: 'error',
      error: expect.stringMatching(/^cert and key of \[proxy\] are not a certificate and its key/),
    })
    expect(await namesAt(port)).toBe('DNS:localhost, DNS:renewed.example')
  })

  test('is not taken on where plain http is spoken', async () => {
    const shown = testAuthority().certificateFor('localhost')
    const free = await freePort()
    const { reload } = await serve(['[proxy]', `listen = ["127.0.0.1:0", "127.0.0.1:${free}"]`])
    const lines = tls(shown).map((line) =>
      line.replace('tls://127.0.0.1:0', `tls://127.0.0.1:${free}`),
    )
    expect(await reload(...lines)).toMatchObject({
      level: 'error',
      error: `127.0.0.1:${free} cannot become tls://127.0.0.1:${free} while it is listened on`,
      hint: 'restart purser serve',
    })
  })
})

test('the names by which clients may call, and what is watched, are as the last file says', async () => {
  const { url, reload, home } = await serve(PROXY)
  const named = () => ask(`${url}/livez`, { headers: { Host: 'purser.corp' } })
  expect((await named()).status).toBe(421)
  const lines = [...PROXY, 'hosts = ["purser.corp"]', '[health]', 'interval_minutes = 5']
  await reload(...lines)
  expect((await named()).status).toBe(200)
  const watched = async () => JSON.parse((await purser(home, ['status', '--json'])).stdout)
  expect((await watched()).health).toMatchObject({ intervalSeconds: 300 })
  await reload(...PROXY)
  expect((await named()).status).toBe(421)
  expect((await watched()).health).not.toMatchObject({ intervalSeconds: 300 })
})

/** How many connections a process has to a host, as the kernel tells. */
function openTo(pid: number, host: string): number {
  const port = Number(host.split(':')[1]).toString(16).toUpperCase().padStart(4, '0')
  const mine = new Set(readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`)))
  return readFileSync(`/proc/${pid}/net/tcp`, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(
      ([, , there, , , , , , , inode]) =>
        there?.endsWith(`:${port}`) && mine.has(`socket:[${inode}]`),
    ).length
}

/** A descriptor may close while we look. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' ? (address?.port ?? 0) : 0
}
