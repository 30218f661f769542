import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { closeLease } from '../doors/agent.ts'
import { testAuthority } from '../fakes/certificates.ts'
import { type Front, startFront } from '../fakes/front.ts'
import { type Ended, run, runOk } from './child.ts'
import { buildGo } from './go.ts'
import { digestOf } from './image.ts'
import { openLease } from './leases.ts'
import { describeWith } from './programs.ts'
import { type Serving, serveConfig } from './purser.ts'
import { REGISTRY_PROGRAMS, startRegistry, type Upstream } from './registry.ts'
import { openSandbox, type Sandbox } from './sandbox.ts'
import { seed } from './straight.ts'

const MOUNTING = ['/dev/fuse', 'fusermount3', 'unshare', 'root']
const NEEDS = ['go', 'skopeo', 'setpriv', ...MOUNTING, ...REGISTRY_PROGRAMS]
const { folder: bin, missing } = await buildGo('.', NEEDS)

const GITHUB = { host: 'ghcr.io', user: 'octocat', password: 'ghp_0123456789' }

describeWith('CLIP', [...NEEDS, ...missing], () => {
  let sandbox: Sandbox
  let upstream: Upstream
  let behind: Upstream
  let front: Front
  let serving: Serving

  beforeAll(async () => {
    const plain = await openSandbox()
    upstream = await startRegistry(plain, 'token')
    behind = await startRegistry(plain, 'none')
    front = await startFront(
      [
        {
          host: GITHUB.host,
          apiHost: GITHUB.host,
          challenge: 'Bearer realm="https://ghcr.io/token",service="ghcr.io"',
          namesScope: true,
          login: `${GITHUB.user}:${GITHUB.password}`,
        },
      ],
      behind.host,
    )
    plain.stack.defer(() => front.close())
    const { caFile } = testAuthority()
    const hosts = join(await plain.makeFolder('etc'), 'hosts')
    await writeFile(hosts, `127.0.0.1 localhost\n${front.address} ${front.names.join(' ')}\n`)
    const PATH = [bin, plain.env['PATH']].join(delimiter)
    sandbox = { ...plain, hosts, env: { ...plain.env, PATH, SSL_CERT_FILE: caFile } }
    await mkdir(plain.env['PURSER_HOME'] ?? '', { recursive: true, mode: 0o700 })
    serving = await serveConfig(sandbox, [
      'client_auth = "lease"',
      ...['[[upstream]]', `host = "${upstream.host}"`, 'tls = false'],
      `realms = ["${upstream.tokens?.origin}"]`,
      ...['[tls]', `ca = ["${caFile}"]`, '[connect]'],
      ...front.names.map((name) => `"${name}:443" = "${front.address}:443"`),
    ])
  })
  afterAll(() => sandbox.stack.disposeAsync())
  const home = () => sandbox.env['PURSER_HOME'] ?? ''

  /** Puts an image into a registry. @returns of each file in it, the digest */
  async function putImage(into: Upstream, repository: string) {
    const { archive, layerDigests } = await sandbox.makeImage('unnamed')
    await seed(sandbox, into, repository, archive)
    const folder = await sandbox.makeFolder('held')
    await runOk('tar', ['-xf', archive, '-C', folder], sandbox)
    const layers = await Promise.all(
      layerDigests.map((digest) => readFile(join(folder, 'blobs', digest.replace(':', '/')))),
    )
    return layers.map((layer) => digestOf(onlyFileIn(gunzipSync(layer))))
  }

  async function index({ env, ...rest }: Sandbox, name: string): Promise<string> {
    const archive = join(await sandbox.makeFolder('clip'), 'image.clip')
    await runOk('clip', ['index', name, archive], { env, ...rest })
    return archive
  }

  /** Mounts it where nobody else sees it, with no layer there yet; what is killed leaves no mount. */
  async function read({ env, ...rest }: Sandbox, archive: string): Promise<Ended> {
    const folder = await sandbox.makeFolder('mounted')
    const command = ['clip', 'read', archive, folder, 'layer-0', 'layer-1', 'layer-2']
    return run('unshare', ['--mount', '--', ...command], { env, ...rest })
  }

  const WAYS = [
    {
      name: 'through the proxy',
      imageIn: () => `${serving.host.replace('localhost', '127.0.0.1')}/${upstream.pathHost}`,
      registry: () => upstream,
      login: () => upstream,
    },
    {
      name: 'by the helper alone, from a registry on a port',
      imageIn: () => upstream.host,
      registry: () => upstream,
      login: () => upstream,
    },
    {
      name: 'by the helper alone, from ghcr.io',
      imageIn: () => GITHUB.host,
      registry: () => behind,
      login: () => GITHUB,
    },
  ]

  describe.each(WAYS)('$name', ({ imageIn, registry, login }) => {
    it('indexes an image and reads each layer of it, with a lease', async () => {
      const files = await putImage(registry(), 'clip/read:1')
      const lease = await openLease(sandbox, login())
      const archive = await index(lease.sandbox, `${imageIn()}/clip/read:1`)
      const digests = await read(lease.sandbox, archive)
      expect(digests).toMatchObject({ status: 0, stdout: `${files.join('\n')}\n` })
      const written = await readFile(archive, 'latin1')
      for (const secret of [lease.secret, login().password]) {
        expect(written).not.toContain(secret)
      }
    })

    it('reads nothing without the lease, nor after its end', async () => {
      await putImage(registry(), 'clip/refused:1')
      const lease = await openLease(sandbox, login())
      const archive = await index(lease.sandbox, `${imageIn()}/clip/refused:1`)
      const stranger = await read(sandbox, archive)
      expect(stranger.status).toBe(1)
      expect(stranger.stderr).toMatch(/unauthorized/i)
      await closeLease(home(), lease.id)
      const late = await read(lease.sandbox, archive)
      expect(late.status).toBe(1)
      expect(late.stdout).toBe('')
      await expect(readdir(lease.directory)).rejects.toThrow(/ENOENT/)
    })
  })

  it('shows nobody’s login to whom it is not for', () => {
    expect(front.arrived(GITHUB.host).strangers.filter((each) => each !== 'nobody')).toEqual([])
    expect(serving.log()).not.toContain(GITHUB.password)
    expect(serving.log()).not.toContain(upstream.password)
  })
})

/** The bytes of the one file of a tar archive; its size is in octal. */
function onlyFileIn(tar: Buffer): Buffer {
  return tar.subarray(512, 512 + Number.parseInt(tar.toString('latin1', 124, 135), 8))
}
