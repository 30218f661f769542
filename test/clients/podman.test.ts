import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { array, object, parse, string } from 'valibot'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runOk } from './child.ts'
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
import { pullBySkopeo, seed } from './straight.ts'

const NEEDS = ['podman', 'skopeo', 'root', 'setpriv', ...REGISTRY_PROGRAMS]

const Inspected = array(
  object({ Id: string(), Digest: string(), RootFS: object({ Layers: array(string()) }) }),
)

describeWith('podman', NEEDS, () => {
  let sandbox: Sandbox
  let upstreams: Upstreams

  beforeAll(async () => {
    sandbox = await openSandbox()
    upstreams = await startRegistries(sandbox)
  })
  afterAll(() => sandbox.stack.disposeAsync())

  const podman = (args: readonly string[], input = '') =>
    runOk('podman', args, { env: sandbox.env, input })
  const configure = (config: object) => writeFile(sandbox.authFile, JSON.stringify(config))

  /** Pushes a new image as `name`, and compares what another client finds in the registry. */
  async function expectPush(name: string, upstream: Upstream, repository: string): Promise<void> {
    const image = await sandbox.makeImage(name)
    await podman(['load', '--quiet', '--input', image.archive])
    const digestFile = join(await sandbox.makeFolder('pushed'), 'digest')
    await podman(['push', '--tls-verify=false', '--digestfile', digestFile, name])
    const held = await pullBySkopeo(sandbox, upstream, repository)
    expect(held).toMatchObject({ configDigest: image.configDigest, diffIds: image.diffIds })
    expect(await readFile(digestFile, 'utf8')).toBe(held.manifestDigest)
    await podman(['rmi', name])
  }

  /** Pulls what another client has put there. */
  async function expectPull(name: string, upstream: Upstream, repository: string): Promise<void> {
    const image = await sandbox.makeImage(name)
    await seed(sandbox, upstream, repository, image.archive)
    await podman(['pull', '--quiet', '--tls-verify=false', name])
    const [found] = parse(Inspected, JSON.parse(await podman(['image', 'inspect', name])))
    expect(found).toMatchObject({
      Id: image.configDigest.slice('sha256:'.length),
      Digest: image.manifestDigest,
      RootFS: { Layers: image.diffIds },
    })
    await podman(['rmi', name])
  }

  it.each(AUTHS)(
    'logs in to a registry with %s by credHelpers, pushes, pulls, logs out',
    async (auth) => {
      const upstream = upstreams[auth]
      await configure({ credHelpers: { [upstream.host]: 'purser' } })
      const { host, user, password } = upstream
      await podman(
        ['login', '--tls-verify=false', '--username', user, '--password-stdin', host],
        password,
      )
      await expectPush(`${host}/straight/pushed:1`, upstream, 'straight/pushed:1')
      await expectPull(`${host}/straight/pulled:1`, upstream, 'straight/pulled:1')
      await podman(['logout', host])
    },
  )

  describe('through the proxy', () => {
    let serving: Serving

    beforeAll(async () => {
      await configure({})
      serving = await serve(sandbox, upstreams)
    })

    it.each(AUTHS)('pushes to and pulls from a registry with %s', async (auth) => {
      const upstream = upstreams[auth]
      const name = `${serving.host}/${upstream.pathHost}/proxied`
      await expectPush(`${name}/pushed:1`, upstream, 'proxied/pushed:1')
      await expectPull(`${name}/pulled:1`, upstream, 'proxied/pulled:1')
    })
  })
})
