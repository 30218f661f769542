import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Ended, run, runOk } from './child.ts'
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
import { digestsIn, pullByBuildah, seed } from './straight.ts'

const NEEDS = ['skopeo', 'buildah', 'root', 'setpriv', ...REGISTRY_PROGRAMS]

describeWith('skopeo', NEEDS, () => {
  let sandbox: Sandbox
  let upstreams: Upstreams

  beforeAll(async () => {
    sandbox = await openSandbox()
    upstreams = await startRegistries(sandbox)
  })
  afterAll(() => sandbox.stack.disposeAsync())

  const skopeo = (args: readonly string[], input = '') =>
    runOk('skopeo', args, { env: sandbox.env, input })
  const configure = (config: object) => writeFile(sandbox.authFile, JSON.stringify(config))

  const login = ({ host, user, password }: Upstream) =>
    skopeo(['login', '--tls-verify=false', '--username', user, '--password-stdin', host], password)

  /** Pushes a new image as `name`, compares what another client finds, and reads it back. */
  async function expectRoundTrip(
    name: string,
    upstream: Upstream,
    repository: string,
  ): Promise<void> {
    const { archive, ...digests } = await sandbox.makeImage(name)
    await skopeo(['copy', '--dest-tls-verify=false', `oci-archive:${archive}`, `docker://${name}`])
    expect(await pullByBuildah(sandbox, upstream, repository)).toEqual(digests)

    const inspected = await skopeo(['inspect', '--tls-verify=false', `docker://${name}`])
    expect(JSON.parse(inspected)).toMatchObject({
      Digest: digests.manifestDigest,
      Layers: digests.layerDigests,
    })
    const folder = await sandbox.makeFolder('pulled')
    await skopeo(['copy', '--src-tls-verify=false', `docker://${name}`, `dir:${folder}`])
    expect(await digestsIn(folder)).toEqual(digests)
  }

  describe.each(AUTHS)('and a registry with %s, by credHelpers', (auth) => {
    let upstream: Upstream

    beforeAll(async () => {
      upstream = upstreams[auth]
      await configure({ credHelpers: { [upstream.host]: 'purser' } })
    })

    it('logs in, pushes, inspects and pulls', async () => {
      expect(await login(upstream)).toContain('Login Succeeded')
      expect(await skopeo(['login', '--get-login', upstream.host])).toBe(`${upstream.user}\n`)
      await expectRoundTrip(`${upstream.host}/straight/a:1`, upstream, 'straight/a:1')
    })

    it('logs out, and is refused from then on', async () => {
      await login(upstream)
      expect(await skopeo(['logout', upstream.host])).toContain('Removed login credentials')
      const list = await askHelper(sandbox, 'list', '')
      expect(JSON.parse(list.stdout)).not.toHaveProperty([upstream.host])
      const args = ['inspect', '--tls-verify=false', `docker://${upstream.host}/straight/a:1`]
      const refused = await run('skopeo', args, sandbox)
      expect(refused).toMatchObject({ status: 1, stderr: expect.stringMatching(/unauthorized/) })
    })

    it('inspects by what a container request brings, with an empty vault', async () => {
      const { archive, manifestDigest } = await sandbox.makeImage('unnamed')
      await seed(sandbox, upstream, 'requested/a:1', archive)
      const credentials = { USERNAME: upstream.user, PASSWORD: upstream.password }
      const request = {
        image_credentials: JSON.stringify({ registry: upstream.host, type: 'basic', credentials }),
      }
      const args = ['inspect', '--tls-verify=false', `docker://${upstream.host}/requested/a:1`]
      const inspected = await runOk('skopeo', args, {
        env: { ...sandbox.env, PURSER_REQUEST: JSON.stringify(request) },
      })
      expect(JSON.parse(inspected)).toMatchObject({ Digest: manifestDigest })
    })

    it('survives a log-out of what was never logged in', async () => {
      const { status } = await run('skopeo', ['logout', upstream.host], sandbox)
      // Its own recursion without end is exit 2; what a helper answers must not lead there.
      expect(status).not.toBe(2)
    })
  })

  describe('through the proxy', () => {
    let serving: Serving

    beforeAll(async () => {
      await configure({})
      serving = await serve(sandbox, upstreams, ['token'])
    })

    it.each(AUTHS)('pushes to a registry with %s, inspects and pulls', async (auth) => {
      const upstream = upstreams[auth]
      const name = `${serving.host}/${upstream.pathHost}/proxied/a:1`
      await expectRoundTrip(name, upstream, 'proxied/a:1')
    })

    /** Puts an image into the registry and asks the proxy to delete it. */
    async function tryDelete(upstream: Upstream): Promise<Ended> {
      const { archive } = await sandbox.makeImage('unnamed')
      await seed(sandbox, upstream, 'deleted/a:1', archive)
      const name = `docker://${serving.host}/${upstream.pathHost}/deleted/a:1`
      return run('skopeo', ['delete', '--tls-verify=false', name], sandbox)
    }

    it('deletes where that is allowed', async () => {
      expect(await tryDelete(upstreams.token)).toMatchObject({ status: 0 })
      await expect(pullByBuildah(sandbox, upstreams.token, 'deleted/a:1')).rejects.toThrow(
        /manifest unknown/,
      )
    })

    it('deletes nothing elsewhere', async () => {
      expect((await tryDelete(upstreams.htpasswd)).status).not.toBe(0)
      await pullByBuildah(sandbox, upstreams.htpasswd, 'deleted/a:1')
    })
  })
})
