import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { array, object, parse, string } from 'valibot'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Ended, type Environment, run, runOk } from './child.ts'
import { startDockerd } from './dockerd.ts'
import { describeWith } from './programs.ts'
import { askHelper, type Serving, serve } from './purser.ts'
import {
  AUTHS,
  REGISTRY_PROGRAMS,
  startRegistries,
  startRegistry,
  type Upstream,
  type Upstreams,
} from './registry.ts'
import { openSandbox, type Sandbox } from './sandbox.ts'
import { pullBySkopeo, seed } from './straight.ts'

const NEEDS = ['docker', 'dockerd', 'root', 'setpriv', 'unshare', 'skopeo', ...REGISTRY_PROGRAMS]

const NOT_FOUND = 'credentials not found in native keychain\n'

const Inspected = array(
  object({
    Id: string(),
    RepoDigests: array(string()),
    RootFS: object({ Layers: array(string()) }),
  }),
)

describeWith('docker with its daemon', NEEDS, () => {
  let sandbox: Sandbox
  let upstreams: Upstreams
  let env: Environment

  beforeAll(async () => {
    sandbox = await openSandbox()
    upstreams = await startRegistries(sandbox)
    env = await startDockerd(sandbox)
  })
  afterAll(() => sandbox.stack.disposeAsync())

  const docker = (args: readonly string[], input = '') => runOk('docker', args, { env, input })
  const dockerFails = async (args: readonly string[], input = ''): Promise<Ended> => {
    const ended = await run('docker', args, { env, input })
    expect(ended.status, ended.stdout).not.toBe(0)
    return ended
  }
  const login = (upstream: Upstream) =>
    docker(
      ['login', '--username', upstream.user, '--password-stdin', upstream.host],
      upstream.password,
    )
  const configure = (config: object) => writeFile(sandbox.dockerConfig, JSON.stringify(config))

  /** Pushes a new image as `name`, and compares what another client finds in the registry. */
  async function expectPush(name: string, upstream: Upstream, repository: string): Promise<void> {
    const image = await sandbox.makeImage(name)
    await docker(['load', '--quiet', '--input', image.archive])
    const said = await docker(['push', name])
    const held = await pullBySkopeo(sandbox, upstream, repository)
    expect(held.configDigest).toBe(image.configDigest)
    expect(held.diffIds).toEqual(image.diffIds)
    expect(said).toContain(`digest: ${held.manifestDigest} `)
    await docker(['rmi', name])
  }

  /** Pulls what another client has put there. */
  async function expectPull(name: string, upstream: Upstream, repository: string): Promise<void> {
    const image = await sandbox.makeImage(name)
    await seed(sandbox, upstream, repository, image.archive)
    await docker(['pull', name])
    const [found] = parse(Inspected, JSON.parse(await docker(['image', 'inspect', name])))
    expect(found?.Id).toBe(image.configDigest)
    expect(found?.RootFS.Layers).toEqual(image.diffIds)
    expect(found?.RepoDigests).toEqual([
      `${name.slice(0, name.lastIndexOf(':'))}@${image.manifestDigest}`,
    ])
    await docker(['rmi', name])
  }

  describe.each(AUTHS)('and a registry with %s', (auth) => {
    describe.each([
      ['credHelpers', (host: string) => ({ credHelpers: { [host]: 'purser' } })],
      ['credsStore', () => ({ credsStore: 'purser' })],
    ])('by %s', (_, config) => {
      let upstream: Upstream
      beforeAll(async () => {
        upstream = upstreams[auth]
        await configure(config(upstream.host))
      })

      it('logs in, and leaves the secret to the vault', async () => {
        expect(await login(upstream)).toContain('Login Succeeded')
        expect(await readFile(sandbox.dockerConfig, 'utf8')).not.toMatch(/"auth"|"identitytoken"/)
        const asked = await askHelper(sandbox, 'get', upstream.host)
        expect(JSON.parse(asked.stdout)).toEqual({
          ServerURL: upstream.host,
          Username: upstream.user,
          Secret: upstream.password,
        })
      })

      it('pushes', async () => {
        await login(upstream)
        await expectPush(`${upstream.host}/straight/pushed:1`, upstream, 'straight/pushed:1')
      })

      it('pulls', async () => {
        await login(upstream)
        await expectPull(`${upstream.host}/straight/pulled:1`, upstream, 'straight/pulled:1')
      })

      it('builds on an image that wants a login', async () => {
        await login(upstream)
        const base = `${upstream.host}/straight/base:1`
        const { archive } = await sandbox.makeImage(base)
        await seed(sandbox, upstream, 'straight/base:1', archive)
        const context = await sandbox.makeFolder('context')
        await writeFile(join(context, 'Dockerfile'), `FROM ${base}\nCOPY Dockerfile /\n`)
        // The classic builder lists every login, and then gets each of them.
        await runOk('docker', ['build', '--tag', 'built:1', context], {
          env: { ...env, DOCKER_BUILDKIT: '0' },
        })
        await docker(['rmi', 'built:1', base])
      })

      it('stores nothing when the password is wrong', async () => {
        await docker(['logout', upstream.host])
        const args = ['login', '--username', upstream.user, '--password-stdin', upstream.host]
        expect((await dockerFails(args, 'wrong')).stderr).toMatch(/unauthorized/i)
        expect(await askHelper(sandbox, 'get', upstream.host)).toMatchObject({
          status: 1,
          stdout: NOT_FOUND,
        })
      })

      it('logs out, twice, and is refused from then on', async () => {
        await login(upstream)
        const name = `${upstream.host}/straight/kept:1`
        const { archive } = await sandbox.makeImage(name)
        await seed(sandbox, upstream, 'straight/kept:1', archive)
        for (const _ of ['stored', 'gone']) {
          expect(await docker(['logout', upstream.host])).toContain('Removing login credentials')
        }
        const listed = await askHelper(sandbox, 'list', '')
        expect(JSON.parse(listed.stdout)).not.toHaveProperty([upstream.host])
        const { stderr } = await dockerFails(['pull', name])
        expect(stderr).toMatch(/no basic auth credentials|unauthorized|denied/)
      })
    })
  })

  it('keeps an identity token as what it is', async () => {
    const upstream = await startRegistry(sandbox, 'token', { identityTokens: true })
    await configure({ credsStore: 'purser' })
    await login(upstream)
    const asked = await askHelper(sandbox, 'get', upstream.host)
    expect(JSON.parse(asked.stdout)).toMatchObject({ Username: '<token>' })
    expect(asked.stdout).not.toContain(upstream.password)
    await expectPush(`${upstream.host}/identity/pushed:1`, upstream, 'identity/pushed:1')
    await expectPull(`${upstream.host}/identity/pulled:1`, upstream, 'identity/pulled:1')
    expect(upstream.tokens?.accounts()).toContain('<token>')
    await docker(['logout', upstream.host])
  })

  describe('through the proxy', () => {
    let serving: Serving

    beforeAll(async () => {
      // With nothing in it, docker would look for a store of its own among the programs.
      await configure({ credHelpers: { 'none.test': 'purser' } })
      serving = await serve(sandbox, upstreams)
    })

    describe.each(AUTHS)('to a registry with %s', (auth) => {
      const names: [string, (upstream: Upstream) => string][] = [
        ['the registry in the path', ({ pathHost }) => `${serving.host}/${pathHost}`],
        ['its alias in the path', () => `${serving.host}/${auth}`],
        ['a port of its own', (upstream) => serving.hostOf(upstream)],
      ]
      it.each(names)('pushes and pulls by %s', async (how, nameOf) => {
        const upstream = upstreams[auth]
        const repository = `proxied/${how.replaceAll(' ', '-')}`
        const name = `${nameOf(upstream)}/${repository}`
        await expectPush(`${name}:pushed`, upstream, `${repository}:pushed`)
        await expectPull(`${name}:pulled`, upstream, `${repository}:pulled`)
      })
    })

    it('mounts layers from another repository of the registry', async () => {
      const upstream = upstreams.token
      const name = (tag: string) => `${serving.host}/${upstream.pathHost}/mounts/${tag}`
      const image = await sandbox.makeImage(name('from:1'))
      await docker(['load', '--quiet', '--input', image.archive])
      await docker(['push', name('from:1')])
      await docker(['tag', name('from:1'), name('to:1')])
      expect(await docker(['push', name('to:1')])).toContain('Mounted from')
      const held = await pullBySkopeo(sandbox, upstream, 'mounts/to:1')
      expect(held.diffIds).toEqual(image.diffIds)
      await docker(['rmi', name('from:1'), name('to:1')])
    })

    it('uploads what another registry has, which docker takes for a mount', async () => {
      const name = ({ pathHost }: Upstream) => `${serving.host}/${pathHost}/across:1`
      const [from, to] = [name(upstreams.token), name(upstreams.htpasswd)]
      const image = await sandbox.makeImage(from)
      await docker(['load', '--quiet', '--input', image.archive])
      await docker(['push', from])
      await docker(['tag', from, to])
      expect(await docker(['push', to])).not.toContain('Mounted from')
      const held = await pullBySkopeo(sandbox, upstreams.htpasswd, 'across:1')
      expect(held.diffIds).toEqual(image.diffIds)
      await docker(['rmi', from, to])
    })

    it('answers the helper by the agent, and forgets at once what docker logs out of', async () => {
      const upstream = upstreams.htpasswd
      await configure({ credHelpers: { [upstream.host]: 'purser' } })
      await expectPull(`${upstream.host}/agent/pulled:1`, upstream, 'agent/pulled:1')
      expect(serving.log()).toContain(`"target":"${upstream.host}"`)
      await docker(['logout', upstream.host])
      expect(await askHelper(sandbox, 'get', upstream.host)).toMatchObject({
        status: 1,
        stdout: NOT_FOUND,
      })
    })

    it('tells no secret, whatever the clients did', () => {
      for (const { user, password } of Object.values(upstreams)) {
        expect(serving.log()).not.toContain(password)
        expect(serving.log()).not.toContain(Buffer.from(`${user}:${password}`).toString('base64'))
      }
    })
  })
})
