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
  readonly url: (serving: Serving, upstream: Upstream) => string
  readonly more: string
  /** Before 2.3, a push has no `ns`. */
  readonly pushes: boolean
}

const HOSTS: readonly Hosts[] = [
  { how: 'ns', url: ({ host }) => `http://${host}`, more: '', pushes: false },
  {
    how: 'the registry in the path',
    url: ({ host }, { pathHost }) => `http://${host}/v2/${pathHost}`,
    more: 'override_path = true',
    pushes: true,
  },
  {
    how: 'a port of its own',
    url: ({ hostOf }, upstream) => `http://${hostOf(upstream)}`,
    more: '',
    pushes: true,
  },
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
        it.each(HOSTS)('by $how', async ({ how, url, more, pushes }) => {
          const { sandbox, client } = stage
          const upstream = stage.upstreams[auth]
          const root = await sandbox.makeFolder('hosts')
          const proxy = JSON.stringify(url(serving(), upstream))
          // Without `server`, containerd passes the proxy by as soon as that fails.
          const server = JSON.stringify(`http://${serving().host}`)
          const capabilities = pushes ? '["pull", "resolve", "push"]' : '["pull", "resolve"]'
          await mkdir(join(root, upstream.host))
          await writeFile(
            join(root, upstream.host, 'hosts.toml'),
            `server = ${server}\n[host.${proxy}]\ncapabilities = ${capabilities}\n${more}\n`,
          )
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
