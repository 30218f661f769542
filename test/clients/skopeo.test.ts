import { beforeAll, describe, expect, it } from 'vitest'
import { type Ended, run, runOk } from './child.ts'
import { describeClient, testHelper, testProxy, testStowaway, useServing } from './harness.ts'
import { AUTHS, type Upstream } from './registry.ts'
import { testRewrite } from './rewrite.ts'
import { createSkopeo } from './skopeo.ts'
import { pullByBuildah, seed } from './straight.ts'

describeClient('skopeo', ['buildah'], createSkopeo, (stage) => {
  describe.each(AUTHS)('and a registry with %s, by credHelpers', (auth) => {
    testHelper(stage, auth)

    it('shows whose login it is', async () => {
      const { client, sandbox } = stage
      const { host, user, ...rest } = stage.upstreams[auth]
      await client.login({ host, user, ...rest })
      expect(await runOk('skopeo', ['login', '--get-login', host], sandbox)).toBe(`${user}\n`)
      await client.logout(host)
    })

    it('inspects by what a container request brings, with an empty vault', async () => {
      const { sandbox } = stage
      const upstream = stage.upstreams[auth]
      const { archive, ...digests } = await sandbox.makeImage('unnamed')
      await seed(sandbox, upstream, 'requested/a:1', archive)
      const credentials = { USERNAME: upstream.user, PASSWORD: upstream.password }
      const request = {
        image_credentials: JSON.stringify({ registry: upstream.host, type: 'basic', credentials }),
      }
      const args = ['inspect', '--tls-verify=false', `docker://${upstream.host}/requested/a:1`]
      const inspected = await runOk('skopeo', args, {
        env: { ...sandbox.env, PURSER_REQUEST: JSON.stringify(request) },
      })
      expect(JSON.parse(inspected)).toMatchObject({
        Digest: digests.manifestDigest,
        Layers: digests.layerDigests,
      })
    })
  })

  describe('through the proxy', () => {
    const serving = useServing(stage, ['token'])
    beforeAll(() => stage.client.configure({}))
    testProxy(stage, serving)
    testStowaway(stage, serving)
    testRewrite(stage, serving)

    /** Puts an image into the registry and asks the proxy to delete it. */
    async function tryDelete(upstream: Upstream): Promise<Ended> {
      const { sandbox } = stage
      const { archive } = await sandbox.makeImage('unnamed')
      await seed(sandbox, upstream, 'deleted/a:1', archive)
      const name = `docker://${serving().host}/${upstream.pathHost}/deleted/a:1`
      return run('skopeo', ['delete', '--tls-verify=false', name], sandbox)
    }

    it('deletes where that is allowed', async () => {
      const { sandbox, upstreams } = stage
      expect(await tryDelete(upstreams.token)).toMatchObject({ status: 0 })
      await expect(pullByBuildah(sandbox, upstreams.token, 'deleted/a:1')).rejects.toThrow(
        /manifest unknown/,
      )
    })

    it('deletes nothing elsewhere', async () => {
      const { sandbox, upstreams } = stage
      expect((await tryDelete(upstreams.htpasswd)).status).not.toBe(0)
      await pullByBuildah(sandbox, upstreams.htpasswd, 'deleted/a:1')
    })
  })
})
