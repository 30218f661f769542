import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run, runOk } from './child.ts'
import { describeWith } from './programs.ts'
import { askHelper, type Serving, serve, storeLogin } from './purser.ts'
import { AUTHS, type Auth, REGISTRY_PROGRAMS, startRegistries, type Upstream } from './registry.ts'
import { openSandbox, type Sandbox } from './sandbox.ts'
import { digestsIn, pullByBuildah } from './straight.ts'

const NEEDS = ['skopeo', 'buildah', 'root', 'setpriv', ...REGISTRY_PROGRAMS]

describeWith('skopeo', NEEDS, () => {
  let sandbox: Sandbox
  let upstreams: Readonly<Record<Auth, Upstream>>

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

    it('survives a log-out of what was never logged in', async () => {
      const { status } = await run('skopeo', ['logout', upstream.host], sandbox)
      // Its own recursion without end is exit 2; what a helper answers must not lead there.
      expect(status).not.toBe(2)
    })
  })

  describe.each(AUTHS)('through the proxy to a registry with %s', (auth) => {
    let serving: Serving

    beforeAll(async () => {
      await configure({})
      await storeLogin(sandbox, upstreams[auth])
      serving = await serve(sandbox, [upstreams[auth]])
    })

    it('pushes, inspects and pulls', async () => {
      const upstream = upstreams[auth]
      const name = `${serving.host}/${upstream.pathHost}/proxied/a:1`
      await expectRoundTrip(name, upstream, 'proxied/a:1')
    })
  })
})
