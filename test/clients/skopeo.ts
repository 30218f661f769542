import { writeFile } from 'node:fs/promises'
import { run, runOk } from './child.ts'
import type { Client, Way } from './client.ts'
import type { Sandbox } from './sandbox.ts'
import { digestsIn } from './straight.ts'

/** skopeo keeps nothing: it copies from one place to another. */
export async function createSkopeo(sandbox: Sandbox): Promise<Client> {
  const skopeo = (args: readonly string[], input = '') =>
    runOk('skopeo', args, { ...sandbox, input })
  const flags = (side: 'src' | 'dest', { tls = false, creds }: Way = {}) => [
    `--${side}-tls-verify=${tls}`,
    ...(creds === undefined ? [] : [`--${side}-creds`, creds]),
  ]
  return {
    name: 'skopeo',
    configure: (config) => writeFile(sandbox.authFile, JSON.stringify(config)),
    login: ({ host, user, password }) =>
      skopeo(
        ['login', '--tls-verify=false', '--username', user, '--password-stdin', host],
        password,
      ),
    logout: (host) => skopeo(['logout', host]),
    async push(name, { archive, ...digests }, way) {
      const from = `oci-archive:${archive}`
      await skopeo(['copy', ...flags('dest', way), from, `docker://${name}`])
      // It takes nothing apart: what it pushes has each digest of what it was given.
      return digests
    },
    async pull(name, way) {
      const folder = await sandbox.makeFolder('pulled')
      await skopeo(['copy', ...flags('src', way), `docker://${name}`, `dir:${folder}`])
      return digestsIn(folder)
    },
    tryPull: (name, { tls = false } = {}) =>
      run('skopeo', ['inspect', `--tls-verify=${tls}`, `docker://${name}`], sandbox),
  }
}
