import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runOk } from './child.ts'
import { startContainerd } from './containerd.ts'
import { describeWith } from './programs.ts'
import { type Serving, serve } from './purser.ts'
import {
  AUTHS,
  REGISTRY_PROGRAMS,
  startRegistries,
  type Upstream,
  type Upstreams,
} from './registry.ts'
import { openSandbox, type Sandbox } from './sandbox.ts'
import { digestsIn, type Held, pullBySkopeo, seed } from './straight.ts'

const NEEDS = [
  ...['containerd', 'ctr', 'root', 'setpriv', 'unshare', 'skopeo'],
  ...REGISTRY_PROGRAMS,
]

describeWith('containerd', NEEDS, () => {
  let sandbox: Sandbox
  let upstreams: Upstreams
  let serving: Serving
  let socket: string

  beforeAll(async () => {
    sandbox = await openSandbox()
    upstreams = await startRegistries(sandbox)
    serving = await serve(sandbox, upstreams)
    socket = await startContainerd(sandbox)
  })
  afterAll(() => sandbox.stack.disposeAsync())

  const ctr = (args: readonly string[]) => runOk('ctr', ['--address', socket, ...args], sandbox)

  /** containerd's configuration of one registry: everything of it is at the proxy. */
  async function makeHostsDir(upstream: Upstream): Promise<string> {
    const root = await sandbox.makeFolder('hosts')
    const proxy = JSON.stringify(`http://${serving.host}`)
    const folder = join(root, upstream.host)
    await mkdir(folder)
    await writeFile(
      join(folder, 'hosts.toml'),
      // Without `server`, containerd passes the proxy by as soon as that fails.
      `server = ${proxy}\n[host.${proxy}]\ncapabilities = ["pull", "resolve"]\n`,
    )
    return root
  }

  /** The digests of what containerd has stored as `name`, computed by another program. */
  async function storedAs(name: string): Promise<Held> {
    const archive = join(await sandbox.makeFolder('exported'), 'image.tar')
    const folder = await sandbox.makeFolder('stored')
    await ctr(['images', 'export', archive, name])
    await runOk('skopeo', ['copy', `oci-archive:${archive}`, `dir:${folder}`], sandbox)
    return digestsIn(folder)
  }

  it.each(AUTHS)('pulls by ns from a registry with %s', async (auth) => {
    const upstream = upstreams[auth]
    const name = `${upstream.host}/by-ns/pulled:1`
    const { archive, ...digests } = await sandbox.makeImage(name)
    await seed(sandbox, upstream, 'by-ns/pulled:1', archive)
    const hosts = await makeHostsDir(upstream)
    await ctr(['images', 'pull', '--hosts-dir', hosts, '--snapshotter', 'native', name])
    expect(await storedAs(name)).toEqual(digests)
  })

  it.each(AUTHS)('pushes and pulls by path at a registry with %s', async (auth) => {
    const upstream = upstreams[auth]
    const name = `${serving.host}/${upstream.pathHost}/by-path/pushed:1`
    const { archive, ...digests } = await sandbox.makeImage(name)
    await ctr(['images', 'import', '--snapshotter', 'native', archive])
    await ctr(['images', 'push', '--plain-http', name])
    expect(await pullBySkopeo(sandbox, upstream, 'by-path/pushed:1')).toEqual(digests)

    await ctr(['images', 'remove', '--sync', name])
    await ctr(['images', 'pull', '--plain-http', '--snapshotter', 'native', name])
    expect(await storedAs(name)).toEqual(digests)
  })
})
