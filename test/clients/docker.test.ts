import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Ended, run, runOk } from './child.ts'
import { expectPull, expectPush } from './client.ts'
import { createDocker } from './docker.ts'
import { describeClient, testProxy, useServing } from './harness.ts'
import { askHelper } from './purser.ts'
import { AUTHS, startRegistry, type Upstream } from './registry.ts'
import { pullBySkopeo, seed } from './straight.ts'

const NEEDS = ['docker', 'dockerd', 'unshare']

const NOT_FOUND = 'credentials not found in native keychain\n'

describeClient('docker with its daemon', NEEDS, createDocker, (stage) => {
  const docker = (args: readonly string[], input?: string) => stage.client.run(args, input)
  const dockerFails = async (args: readonly string[], input = ''): Promise<Ended> => {
    const ended = await run('docker', args, { env: stage.client.env, input })
    expect(ended.status, ended.stdout).not.toBe(0)
    return ended
  }
  const push = (upstream: Upstream, repository: string, name = `${upstream.host}/${repository}`) =>
    expectPush(stage.sandbox, stage.client, { name, upstream, repository })
  const pull = (upstream: Upstream, repository: string, name = `${upstream.host}/${repository}`) =>
    expectPull(stage.sandbox, stage.client, { name, upstream, repository })

  describe.each(AUTHS)('and a registry with %s', (auth) => {
    describe.each([
      ['credHelpers', (host: string) => ({ credHelpers: { [host]: 'purser' } })],
      ['credsStore', () => ({ credsStore: 'purser' })],
    ])('by %s', (_, config) => {
      let upstream: Upstream
      beforeAll(async () => {
        upstream = stage.upstreams[auth]
        await stage.client.configure(config(upstream.host))
      })

      it('logs in, and leaves the secret to the vault', async () => {
        expect(await stage.client.login(upstream)).toContain('Login Succeeded')
        expect(await readFile(stage.sandbox.dockerConfig, 'utf8')).not.toMatch(
          /"auth"|"identitytoken"/,
        )
        const asked = await askHelper(stage.sandbox, 'get', upstream.host)
        expect(JSON.parse(asked.stdout)).toEqual({
          ServerURL: upstream.host,
          Username: upstream.user,
          Secret: upstream.password,
        })
      })

      it('pushes', async () => {
        await stage.client.login(upstream)
        await push(upstream, 'straight/pushed:1')
      })

      it('pulls', async () => {
        await stage.client.login(upstream)
        await pull(upstream, 'straight/pulled:1')
      })

      it('builds on an image that wants a login', async () => {
        await stage.client.login(upstream)
        const base = `${upstream.host}/straight/base:1`
        const { archive } = await stage.sandbox.makeImage(base)
        await seed(stage.sandbox, upstream, 'straight/base:1', archive)
        const context = await stage.sandbox.makeFolder('context')
        await writeFile(join(context, 'Dockerfile'), `FROM ${base}\nCOPY Dockerfile /\n`)
        // The classic builder lists every login, and then gets each of them.
        await runOk('docker', ['build', '--tag', 'built:1', context], {
          env: { ...stage.client.env, DOCKER_BUILDKIT: '0' },
        })
        await docker(['rmi', 'built:1', base])
      })

      it('stores nothing when the password is wrong', async () => {
        await docker(['logout', upstream.host])
        const args = ['login', '--username', upstream.user, '--password-stdin', upstream.host]
        expect((await dockerFails(args, 'wrong')).stderr).toMatch(/unauthorized/i)
        expect(await askHelper(stage.sandbox, 'get', upstream.host)).toMatchObject({
          status: 1,
          stdout: NOT_FOUND,
        })
      })

      it('logs out, twice, and is refused from then on', async () => {
        await stage.client.login(upstream)
        const name = `${upstream.host}/straight/kept:1`
        const { archive } = await stage.sandbox.makeImage(name)
        await seed(stage.sandbox, upstream, 'straight/kept:1', archive)
        for (const _ of ['stored', 'gone']) {
          expect(await docker(['logout', upstream.host])).toContain('Removing login credentials')
        }
        const listed = await askHelper(stage.sandbox, 'list', '')
        expect(JSON.parse(listed.stdout)).not.toHaveProperty([upstream.host])
        const { stderr } = await dockerFails(['pull', name])
        expect(stderr).toMatch(/no basic auth credentials|unauthorized|denied/)
      })
    })
  })

  it('keeps an identity token as what it is', async () => {
    const upstream = await startRegistry(stage.sandbox, 'token', { identityTokens: true })
    await stage.client.configure({ credsStore: 'purser' })
    await stage.client.login(upstream)
    const asked = await askHelper(stage.sandbox, 'get', upstream.host)
    expect(JSON.parse(asked.stdout)).toMatchObject({ Username: '<token>' })
    expect(asked.stdout).not.toContain(upstream.password)
    await push(upstream, 'identity/pushed:1')
    await pull(upstream, 'identity/pulled:1')
    expect(upstream.tokens?.accounts()).toContain('<token>')
    await docker(['logout', upstream.host])
  })

  describe('through the proxy', () => {
    const serving = useServing(stage)
    // With nothing in it, docker would look for a store of its own among the programs.
    beforeAll(() => stage.client.configure({ credHelpers: { 'none.test': 'purser' } }))

    testProxy(stage, serving)

    it('mounts layers from another repository of the registry', async () => {
      const upstream = stage.upstreams.token
      const name = (tag: string) => `${serving().host}/${upstream.pathHost}/mounts/${tag}`
      const image = await stage.sandbox.makeImage(name('from:1'))
      await docker(['load', '--quiet', '--input', image.archive])
      await docker(['push', name('from:1')])
      await docker(['tag', name('from:1'), name('to:1')])
      expect(await docker(['push', name('to:1')])).toContain('Mounted from')
      const held = await pullBySkopeo(stage.sandbox, upstream, 'mounts/to:1')
      expect(held.diffIds).toEqual(image.diffIds)
      await docker(['rmi', name('from:1'), name('to:1')])
    })

    it('uploads what another registry has, which docker takes for a mount', async () => {
      const name = ({ pathHost }: Upstream) => `${serving().host}/${pathHost}/across:1`
      const [from, to] = [name(stage.upstreams.token), name(stage.upstreams.htpasswd)]
      const image = await stage.sandbox.makeImage(from)
      await docker(['load', '--quiet', '--input', image.archive])
      await docker(['push', from])
      await docker(['tag', from, to])
      expect(await docker(['push', to])).not.toContain('Mounted from')
      const held = await pullBySkopeo(stage.sandbox, stage.upstreams.htpasswd, 'across:1')
      expect(held.diffIds).toEqual(image.diffIds)
      await docker(['rmi', from, to])
    })

    it('answers the helper by the agent, and forgets at once what docker logs out of', async () => {
      const upstream = stage.upstreams.htpasswd
      await stage.client.configure({ credHelpers: { [upstream.host]: 'purser' } })
      await pull(upstream, 'agent/pulled:1')
      expect(serving().log()).toContain(`"target":"${upstream.host}"`)
      await docker(['logout', upstream.host])
      expect(await askHelper(stage.sandbox, 'get', upstream.host)).toMatchObject({
        status: 1,
        stdout: NOT_FOUND,
      })
    })

    it('tells no secret, whatever the clients did', () => {
      for (const { user, password } of Object.values(stage.upstreams)) {
        expect(serving().log()).not.toContain(password)
        expect(serving().log()).not.toContain(Buffer.from(`${user}:${password}`).toString('base64'))
      }
    })
  })
})
