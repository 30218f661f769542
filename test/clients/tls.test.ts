import { mkdir, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { testAuthority } from '../fakes/certificates.ts'
import { createBuildah } from './buildah.ts'
import { runOk } from './child.ts'
import { type Client, expectPull, expectPush } from './client.ts'
import { createContainerd } from './containerd.ts'
import { createCrane } from './crane.ts'
import { createDocker } from './docker.ts'
import { buildGo, CRANE } from './go.ts'
import { createPodman } from './podman.ts'
import { describeWith } from './programs.ts'
import { type Serving, serveConfig } from './purser.ts'
import { REGISTRY_PROGRAMS, startRegistry, type Upstream } from './registry.ts'
import { openSandbox, type Sandbox } from './sandbox.ts'
import { createSkopeo } from './skopeo.ts'

const CLIENTS: Readonly<Record<string, (sandbox: Sandbox, host: string) => Promise<Client>>> = {
  docker: createDocker,
  skopeo: createSkopeo,
  buildah: createBuildah,
  podman: createPodman,
  crane: createCrane,
  async containerd(sandbox, host) {
    const root = await sandbox.makeFolder('hosts')
    await mkdir(join(root, host))
    const lines = [`server = "https://${host}"`, `[host."https://${host}"]`]
    await writeFile(join(root, host, 'hosts.toml'), lines.join('\n'))
    return createContainerd(sandbox, () => root)
  },
}

const PROGRAMS = ['docker', 'dockerd', 'skopeo', 'buildah', 'podman', 'containerd', 'ctr']
const NEEDS = [...PROGRAMS, 'unshare', 'root', 'setpriv', ...REGISTRY_PROGRAMS]
const { folder: bin, missing } = await buildGo(CRANE, NEEDS)

describeWith('a port with TLS', [...NEEDS, ...missing], () => {
  let sandbox: Sandbox
  let upstream: Upstream
  let serving: Serving

  beforeAll(async () => {
    const plain = await openSandbox()
    upstream = await startRegistry(plain, 'htpasswd')
    await runOk(
      'purser',
      ['login', upstream.host, '--username', upstream.user, '--password-stdin'],
      {
        env: plain.env,
        input: upstream.password,
      },
    )
    const { caFile, certificateFor } = testAuthority()
    const { certFile, keyFile } = certificateFor('localhost', '127.0.0.1')
    const config = [
      ...[`cert = "${certFile}"`, `key = "${keyFile}"`],
      ...['[[upstream]]', `host = "${upstream.host}"`, 'tls = false'],
      'listen = "tls://127.0.0.1:0"',
    ]
    serving = await serveConfig(plain, config, 1)
    const PATH = [bin, plain.env['PATH']].join(delimiter)
    sandbox = { ...plain, env: { ...plain.env, PATH, SSL_CERT_FILE: caFile } }
  })
  afterAll(() => sandbox.stack.disposeAsync())

  it.each(Object.entries(CLIENTS))('lets %s push and pull', async (program, create) => {
    const host = serving.hostOf(upstream)
    const client = await create(sandbox, host)
    await client.configure({ credHelpers: { 'none.test': 'purser' } }).catch(() => undefined)
    const passage = (verb: string) => {
      const repository = `secured/${program}:${verb}`
      return { name: `${host}/${repository}`, upstream, repository, way: { tls: true } }
    }
    await expectPull(sandbox, client, passage('pulled'))
    await expectPush(sandbox, client, passage('pushed'))
    expect(serving.log()).toContain(`secured/${program}`)
  })
})
