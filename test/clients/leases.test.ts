import { cp } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { closeLease } from '../doors/agent.ts'
import { createBuildah } from './buildah.ts'
import { type Client, expectPull, expectPush } from './client.ts'
import { createCrane } from './crane.ts'
import { dockerOf } from './docker.ts'
import { startDockerd } from './dockerd.ts'
import { buildGo, CRANE } from './go.ts'
import { type Leased, openLease } from './leases.ts'
import { createPodman } from './podman.ts'
import { describeWith } from './programs.ts'
import { type Serving, serveConfig } from './purser.ts'
import { AUTHS, REGISTRY_PROGRAMS, startRegistries, type Upstreams } from './registry.ts'
import { openSandbox, type Sandbox } from './sandbox.ts'
import { createSkopeo } from './skopeo.ts'
import { seed } from './straight.ts'

/** None of them is configured: a lease's environment is all that they get. */
const CLIENTS: Readonly<Record<string, (sandbox: Sandbox) => Promise<Client>>> = {
  docker: async (sandbox) => dockerOf(sandbox),
  buildah: createBuildah,
  skopeo: createSkopeo,
  podman: createPodman,
  crane: createCrane,
}

const DAEMON = ['docker', 'dockerd', 'unshare', 'root']
const NEEDS = ['go', 'buildah', 'skopeo', 'podman', 'setpriv', ...DAEMON, ...REGISTRY_PROGRAMS]
const { folder: bin, missing } = await buildGo(CRANE, NEEDS)

describeWith('a lease', [...NEEDS, ...missing], () => {
  /** Of a container without one. */
  let sandbox: Sandbox
  let upstreams: Upstreams
  let serving: Serving

  beforeAll(async () => {
    const plain = await openSandbox()
    upstreams = await startRegistries(plain)
    const PATH = [bin, plain.env['PATH']].join(delimiter)
    sandbox = { ...plain, env: { ...(await startDockerd(plain)), PATH } }
    serving = await serveConfig(sandbox, [
      'client_auth = "lease"',
      ...Object.values(upstreams).flatMap(({ host, tokens }) => [
        ...['[[upstream]]', `host = "${host}"`, 'tls = false'],
        `realms = ${JSON.stringify(tokens === undefined ? [] : [tokens.origin])}`,
      ]),
    ])
  })
  afterAll(() => sandbox.stack.disposeAsync())
  const home = () => sandbox.env['PURSER_HOME'] ?? ''

  /** The sandbox of a container that has made a copy of its files, which outlives the lease. */
  async function keep({ directory, sandbox: leased }: Leased): Promise<Sandbox> {
    const copy = await sandbox.makeFolder('copy')
    await cp(directory, copy, { recursive: true })
    const files = { DOCKER_CONFIG: copy, REGISTRY_AUTH_FILE: join(copy, 'config.json') }
    return { ...leased, env: { ...leased.env, ...files } }
  }

  describe.each(AUTHS)('for a registry with %s', (auth) => {
    const open = () => openLease(sandbox, upstreams[auth])
    const WAYS = [
      { way: 'through the proxy', place: () => `${serving.host}/${upstreams[auth].pathHost}` },
      { way: 'by the helper', place: () => upstreams[auth].host },
    ]

    describe.each(Object.entries(CLIENTS))('lets %s', (program, create) => {
      let lease: Leased
      beforeAll(async () => {
        lease = await open()
      })

      it.each(WAYS)('push and pull $way', async ({ way, place }) => {
        const client = await create(lease.sandbox)
        const passage = (verb: string) => {
          const repository = `${program}/${way.replaceAll(' ', '-')}:${verb}`
          return { name: `${place()}/${repository}`, upstream: upstreams[auth], repository }
        }
        await expectPush(sandbox, client, passage('pushed'))
        await expectPull(sandbox, client, passage('pulled'))
      })

      it.each(WAYS)('do nothing without it, nor after its end, $way', async ({ way, place }) => {
        const repository = `${program}/${way.replaceAll(' ', '-')}:refused`
        const name = `${place()}/${repository}`
        const { archive } = await sandbox.makeImage(name)
        await seed(sandbox, upstreams[auth], repository, archive)
        const mine = await open()
        const copy = await keep(mine)
        const [stranger, client] = [await create(sandbox), await create(copy)]
        const refused = await stranger.tryPull(name)
        expect(refused.status).not.toBe(0)
        expect(refused.stderr).toMatch(/unauthorized|no basic auth credentials/i)
        await client.pull(name)
        await closeLease(home(), mine.id)
        const late = await client.tryPull(name)
        expect(late.status).not.toBe(0)
        expect(late.stderr).toMatch(/the lease whose secret was shown has ended|no such lease/)
      })
    })
  })

  it('leaves nothing of itself in what the proxy says', () => {
    for (const { user, password } of Object.values(upstreams)) {
      expect(serving.log()).not.toContain(password)
      expect(serving.log()).not.toContain(Buffer.from(`${user}:${password}`).toString('base64'))
    }
    expect(serving.log()).not.toContain('purser_lease_')
  })
})
