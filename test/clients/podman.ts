import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { array, object, parse, string } from 'valibot'
import { run, runOk } from './child.ts'
import type { Client, Way } from './client.ts'
import type { Sandbox } from './sandbox.ts'

const Inspected = array(
  object({ Id: string(), Digest: string(), RootFS: object({ Layers: array(string()) }) }),
)

/** podman, with an image store in the sandbox. */
export async function createPodman(sandbox: Sandbox): Promise<Client> {
  const podman = (args: readonly string[], input = '') =>
    runOk('podman', args, { ...sandbox, input })
  const flags = ({ tls = false, creds }: Way = {}) => [
    `--tls-verify=${tls}`,
    ...(creds === undefined ? [] : ['--creds', creds]),
  ]
  return {
    name: 'podman',
    configure: (config) => writeFile(sandbox.authFile, JSON.stringify(config)),
    login: ({ host, user, password }) =>
      podman(
        ['login', '--tls-verify=false', '--username', user, '--password-stdin', host],
        password,
      ),
    logout: (host) => podman(['logout', host]),
    async push(name, { archive }, way) {
      await podman(['load', '--quiet', '--input', archive])
      const digestFile = join(await sandbox.makeFolder('pushed'), 'digest')
      await podman(['push', '--digestfile', digestFile, ...flags(way), name])
      await podman(['rmi', name])
      return { manifestDigest: await readFile(digestFile, 'utf8') }
    },
    async pull(name, way) {
      await podman(['pull', '--quiet', ...flags(way), name])
      const [found] = parse(Inspected, JSON.parse(await podman(['image', 'inspect', name])))
      await podman(['rmi', name])
      if (found === undefined) throw new Error(`podman inspects nothing of ${name}`)
      const { Id, Digest, RootFS } = found
      return { manifestDigest: Digest, configDigest: `sha256:${Id}`, diffIds: RootFS.Layers }
    },
    tryPull: (name, way) => run('podman', ['pull', ...flags(way), name], sandbox),
  }
}
