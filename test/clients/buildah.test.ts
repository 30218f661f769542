import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run, runOk } from './child.ts'
import { describeWith } from './programs.ts'
import { askHelper, type Serving, serve } from './purser.ts'
import {
  AUTHS,
  REGISTRY_PROGRAMS,
  startRegistries,
  type Upstream,
  type Upstreams,
} from './registry.ts'
import { openSandbox, type Sandbox } from './sandbox.ts'
import { inspectBuildah, pullBySkopeo } from './straight.ts'

const NEEDS = ['buildah', 'skopeo', 'root', 'setpriv', ...REGISTRY_PROGRAMS]

describeWith('buildah', NEEDS, () => {
  let sandbox: Sandbox
  let upstreams: Upstreams

  beforeAll(async () => {
    sandbox = await openSandbox()
    upstreams = await startRegistries(sandbox)
  })
  afterAll(() => sandbox.stack.disposeAsync())

  const buildah = (args: readonly string[], input = '') =>
    runOk('buildah', args, { env: sandbox.env, input })
  const configure = (config: object) => writeFile(sandbox.authFile, JSON.stringify(config))

  const login = ({ host, user, password }: Upstream) =>
    buildah(['login', '--tls-verify=false', '--username', user, '--password-stdin', host], password)

  /** Pushes a new image as `name`, compares what another client finds, and pulls it again. */
  async function expectRoundTrip(
    name: string,
    upstream: Upstream,
    repository: string,
    options: readonly string[] = [],
  ): Promise<void> {
    const image = await sandbox.makeImage(name)
    const id = (await buildah(['pull', '--quiet', `oci-archive:${image.archive}`])).trim()
    const digestFile = join(await sandbox.makeFolder('pushed'), 'digest')
    await buildah([
      ...['push', '--tls-verify=false', '--digestfile', digestFile, ...options],
      ...[id, `docker://${name}`],
    ])
    const held = await pullBySkopeo(sandbox, upstream, repository)
    expect(held).toMatchObject({ configDigest: image.configDigest, diffIds: image.diffIds })
    expect(await readFile(digestFile, 'utf8')).toBe(held.manifestDigest)

    await buildah(['rmi', '--all', '--force'])
    await buildah(['pull', '--tls-verify=false', ...options, name])
    expect(await inspectBuildah(sandbox, name)).toEqual(held)
    await buildah(['rmi', '--all', '--force'])
  }

  describe.each(AUTHS)('and a registry with %s, by credHelpers', (auth) => {
    let upstream: Upstream

    beforeAll(async () => {
      upstream = upstreams[auth]
      await configure({ credHelpers: { [upstream.host]: 'purser' } })
    })

    it('logs in, pushes and pulls', async () => {
      expect(await login(upstream)).toContain('Login Succeeded')
      await expectRoundTrip(`${upstream.host}/straight/a:1`, upstream, 'straight/a:1')
    })

    it('logs out, and is refused from then on', async () => {
      await login(upstream)
      expect(await buildah(['logout', upstream.host])).toContain('Removed login credentials')
      const list = await askHelper(sandbox, 'list', '')
      expect(JSON.parse(list.stdout)).not.toHaveProperty([upstream.host])
      const args = ['pull', '--tls-verify=false', `${upstream.host}/straight/a:1`]
      const refused = await run('buildah', args, sandbox)
      expect(refused.status).not.toBe(0)
      expect(refused.stderr).toMatch(/unauthorized/)
    })

    it('survives a log-out of what was never logged in', async () => {
      const { status } = await run('buildah', ['logout', upstream.host], sandbox)
      // Its own recursion without end is exit 2; what a helper answers must not lead there.
      expect(status).not.toBe(2)
    })
  })

  describe('through the proxy', () => {
    let serving: Serving

    beforeAll(async () => {
      await configure({})
      serving = await serve(sandbox, upstreams)
    })

    describe.each(AUTHS)('to a registry with %s', (auth) => {
      it('pushes and pulls', async () => {
        const upstream = upstreams[auth]
        const name = `${serving.host}/${upstream.pathHost}/proxied/a:1`
        await expectRoundTrip(name, upstream, 'proxied/a:1')
      })

      it('pushes and pulls with credentials of its own, which stay behind', async () => {
        const upstream = upstreams[auth]
        const name = `${serving.host}/${upstream.pathHost}/proxied/b:1`
        await expectRoundTrip(name, upstream, 'proxied/b:1', ['--creds', 'stowaway:not-aboard'])
        expect(upstream.log()).not.toContain('stowaway')
        expect(upstream.tokens?.accounts() ?? []).not.toContain('stowaway')
      })
    })
  })
})
