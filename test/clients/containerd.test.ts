import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, onTestFinished } from 'vitest'
import { expectPull } from './client.ts'
import { createContainerd } from './containerd.ts'
import { describeClient, testProxy, useServing } from './harness.ts'
import { AUTHS } from './registry.ts'

const NEEDS = ['containerd', 'ctr', 'unshare']

let hostsDir: string | undefined

describeClient(
  'containerd',
  NEEDS,
  (sandbox) => createContainerd(sandbox, () => hostsDir),
  (stage) => {
    describe('through the proxy', () => {
      const serving = useServing(stage)
      testProxy(stage, serving)

      it.each(AUTHS)('pulls by ns from a registry with %s', async (auth) => {
        const { sandbox, client } = stage
        const upstream = stage.upstreams[auth]
        const root = await sandbox.makeFolder('hosts')
        const proxy = JSON.stringify(`http://${serving().host}`)
        await mkdir(join(root, upstream.host))
        await writeFile(
          join(root, upstream.host, 'hosts.toml'),
          // Without `server`, containerd passes the proxy by as soon as that fails.
          `server = ${proxy}\n[host.${proxy}]\ncapabilities = ["pull", "resolve"]\n`,
        )
        hostsDir = root
        onTestFinished(() => {
          hostsDir = undefined
        })
        const name = `${upstream.host}/by-ns/pulled:1`
        await expectPull(sandbox, client, { name, upstream, repository: 'by-ns/pulled:1' })
      })
    })
  },
)
