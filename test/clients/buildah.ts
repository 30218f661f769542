import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run, runOk } from './child.ts'
import type { Client, Way } from './client.ts'
import type { Sandbox } from './sandbox.ts'
import { inspectBuildah } from './straight.ts'

/** buildah, with an image store in the sandbox. */
export async function createBuildah(sandbox: Sandbox): Promise<Client> {
  const buildah = (args: readonly string[], input = '') =>
    runOk('buildah', args, { ...sandbox, input })
  const flags = ({ tls = false, creds }: Way = {}) => [
    `--tls-verify=${tls}`,
    ...(creds === undefined ? [] : ['--creds', creds]),
  ]
  const forgetAll = () => buildah(['rmi', '--all', '--force'])
  return {
    name: 'buildah',
    configure: (config) => writeFile(sandbox.authFile, JSON.stringify(config)),
    login: ({ host, user, password }) =>
      buildah(
        ['login', '--tls-verify=false', '--username', user, '--password-stdin', host],
        password,
      ),
    logout: (host) => buildah(['logout', host]),
    async push(name, { archive }, way) {
      const id = (await buildah(['pull', '--quiet', `oci-archive:${archive}`])).trim()
      const digestFile = join(await sandbox.makeFolder('pushed'), 'digest')
      await buildah(['push', '--digestfile', digestFile, ...flags(way), id, `docker://${name}`])
      await forgetAll()
      return { manifestDigest: await readFile(digestFile, 'utf8') }
    },
    async pull(name, way) {
      await buildah(['pull', '--quiet', ...flags(way), name])
      const held = await inspectBuildah(sandbox, name)
      await forgetAll()
      return held
    },
    tryPull: (name, way) => run('buildah', ['pull', ...flags(way), name], sandbox),
  }
}
