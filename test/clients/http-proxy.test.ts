import { afterAll, beforeAll, expect, it } from 'vitest'
import { createBuildah } from './buildah.ts'
import { runOk } from './child.ts'
import { type Client, expectPull, expectPush } from './client.ts'
import { createContainerd } from './containerd.ts'
import { createPodman } from './podman.ts'
import { describeWith } from './programs.ts'
import { type Serving, serveConfig } from './purser.ts'
import { REGISTRY_PROGRAMS, startRegistry, type Upstream } from './registry.ts'
import { openSandbox, type Sandbox } from './sandbox.ts'
import { createSkopeo } from './skopeo.ts'

/** In plain http: by https, they would ask a proxy for a tunnel, in which it sees nothing. */
const HOST = 'registry.test:80'

const CLIENTS: Readonly<Record<string, (sandbox: Sandbox) => Promise<Client>>> = {
  skopeo: createSkopeo,
  buildah: createBuildah,
  podman: createPodman,
  containerd: (sandbox) => createContainerd(sandbox, () => undefined),
}

const PROGRAMS = ['skopeo', 'buildah', 'podman', 'containerd', 'ctr']
const NEEDS = [...PROGRAMS, 'unshare', 'root', 'setpriv', ...REGISTRY_PROGRAMS]

describeWith('a proxy in HTTP_PROXY', NEEDS, () => {
  let plain: Sandbox
  let upstream: Upstream
  let serving: Serving

  beforeAll(async () => {
    plain = await openSandbox()
    upstream = await startRegistry(plain, 'htpasswd')
    await runOk('purser', ['login', HOST, '--username', upstream.user, '--password-stdin'], {
      env: plain.env,
      input: upstream.password,
    })
    serving = await serveConfig(plain, [
      ...['[[upstream]]', `host = "${HOST}"`, 'tls = false'],
      ...['[connect]', `"${HOST}" = "${upstream.host}"`],
    ])
  })
  afterAll(() => plain.stack.disposeAsync())

  it.each(Object.entries(CLIENTS))('is what %s pulls and pushes by', async (program, create) => {
    const env = { ...plain.env, HTTP_PROXY: `http://${serving.host}` }
    const client = await create({ ...plain, env })
    const passage = (verb: string) => {
      const repository = `proxied/${program}:${verb}`
      return { name: `${HOST}/${repository}`, upstream, repository }
    }
    await expectPull(plain, client, passage('pulled'))
    await expectPush(plain, client, passage('pushed'))
    expect(serving.log()).toContain(`proxied/${program}`)
  })
})
