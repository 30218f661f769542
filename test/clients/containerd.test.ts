import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, onTestFinished } from 'vitest'
import { expectPull, expectPush } from './client.ts'
import { createContainerd } from './containerd.ts'
import { describeClient, testProxy, useServing } from './harness.ts'
import type { Serving } from './purser.ts'
import { AUTHS, type Upstream } from './registry.ts'

const NEEDS = ['containerd', 'ctr']

let hostsDir: string | undefined

/** What a `hosts.toml` says of a registry. */
interface Hosts {
  readonly how: string
  readonly server: (serving: Serving, upstream: Upstream) => string
  readonly more?: string
  /** Before 2.3, a push has no `ns`. */
  readonly pushes: boolean
}

const HOSTS: readonly Hosts[] = [
  { how: 'ns', server: ({ host }) => host, pushes: false },
  {
    how: 'the registry in the path',
    server: ({ host }, { pathHost }) => `${host}/v2/${pathHost}`,
    more: 'override_path = true',
    pushes: true,
  },
  { how: 'a port of its own', server: ({ hostOf }, upstream) => hostOf(upstream), pushes: true },
]

describeClient(
  'containerd',
  NEEDS,
  (sandbox) => createContainerd(sandbox, () => hostsDir),
  (stage) => {
    describe('through the proxy', () => {
      const serving = useServing(stage)
      testProxy(stage, serving)

      describe.each(AUTHS)('to a registry with %s, named by itself', (auth) => {
        it.each(HOSTS)('by $how', async ({ how, server, more = '', pushes }) => {
          const { sandbox, client } = stage
          const upstream = stage.upstreams[auth]
          const root = await sandbox.makeFolder('hosts')
          const lines = [
            // What is not found at the host is asked for here: at the proxy, and not past it.
            `server = "http://${serving().host}"`,
            `[host."http://${server(serving(), upstream)}"]`,
            more,
          ]
          await mkdir(join(root, upstream.host))
          await writeFile(join(root, upstream.host, 'hosts.toml'), lines.join('\n'))
          hostsDir = root
          onTestFinished(() => {
            hostsDir = undefined
          })
          const passage = (verb: string) => {
            const repository = `by-hosts/${how.replaceAll(' ', '-')}:${verb}`
            return { name: `${upstream.host}/${repository}`, upstream, repository }
          }
          await expectPull(sandbox, client, passage('pulled'))
          if (pushes) await expectPush(sandbox, client, passage('pushed'))
        })
      })
    })
  },
)
