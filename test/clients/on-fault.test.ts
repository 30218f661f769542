import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Environment } from './child.ts'
import type { Client } from './client.ts'
import { createDocker } from './docker.ts'
import type { Image } from './image.ts'
import { describeWith } from './programs.ts'
import { serveConfig } from './purser.ts'
import { REGISTRY_PROGRAMS, startRegistry, type Upstream } from './registry.ts'
import { openSandbox, type Sandbox } from './sandbox.ts'
import { createSkopeo } from './skopeo.ts'
import { seed } from './straight.ts'

const CLIENTS: Readonly<Record<string, (sandbox: Sandbox) => Promise<Client>>> = {
  docker: createDocker,
  skopeo: createSkopeo,
}

const NEEDS = ['docker', 'dockerd', 'skopeo', 'unshare', 'root', 'setpriv', ...REGISTRY_PROGRAMS]

/** A request that brings half a login for the registry: it is there, and cannot be used. */
function brokenRequest({ host }: Upstream): Environment {
  const credentials = { USERNAME: 'captain' }
  const image = JSON.stringify({ registry: host, type: 'basic', credentials })
  return { PURSER_REQUEST: JSON.stringify({ image_credentials: image }) }
}

describeWith('a public image and a broken credential', NEEDS, () => {
  let plain: Sandbox
  let upstream: Upstream
  let image: Image
  let sandbox: Sandbox

  beforeAll(async () => {
    plain = await openSandbox()
    upstream = await startRegistry(plain, 'token', { isPublic: true })
    image = await plain.makeImage('unnamed')
    await seed(plain, upstream, 'public/app:1', image.archive)
    sandbox = { ...plain, env: { ...plain.env, ...brokenRequest(upstream) } }
  })
  afterAll(() => plain.stack.disposeAsync())

  const table = (onFault: string) => [
    '[[upstream]]',
    `host = "${upstream.host}"`,
    'tls = false',
    `realms = ["${upstream.tokens?.origin}"]`,
    `on_fault = "${onFault}"`,
  ]

  async function configure(onFault: string): Promise<void> {
    const home = plain.env['PURSER_HOME'] ?? ''
    await mkdir(home, { recursive: true, mode: 0o700 })
    await writeFile(join(home, 'config.toml'), table(onFault).join('\n'))
  }

  describe.each(Object.entries(CLIENTS))('%s by the helper', (_, create) => {
    let client: Client
    beforeAll(async () => {
      client = await create(sandbox)
      await client.configure({ credHelpers: { [upstream.host]: 'purser' } })
    })

    const name = () => `${upstream.host}/public/app:1`

    it('gets it where on_fault is anonymous, and its user hears why', async () => {
      await configure('anonymous')
      const { status, stderr } = await client.tryPull(name())
      expect(stderr).toMatch(/docker-credential-purser: warning: .*image_credentials.*going on/)
      expect(status).toBe(0)
    })

    it('is told what is broken where it is fail', async () => {
      await configure('fail')
      const { status, stderr } = await client.tryPull(name())
      expect(stderr).toMatch(/docker-credential-purser: error: .*image_credentials/)
      // docker itself takes any fault of a helper for a miss.
      if (client.name !== 'docker') expect(status).not.toBe(0)
    })
  })

  it('the proxy gets it where on_fault is anonymous, and its log says why', async () => {
    await using stack = new AsyncDisposableStack()
    const folder = await plain.makeFolder('run')
    await chmod(folder, 0o700)
    const serving = await serveConfig(
      // An agent that answers by a request has to be named.
      { ...sandbox, stack, env: { ...sandbox.env, PURSER_SOCKET: join(folder, 'agent.sock') } },
      table('anonymous'),
    )
    const client = await createSkopeo(plain)
    await client.configure({})
    const got = await client.pull(`${serving.host}/${upstream.pathHost}/public/app:1`)
    expect(image).toMatchObject(got)
    expect(serving.log()).toContain('credential cannot be used, trying without')
    expect(serving.log()).not.toContain('captain')
  })
})
