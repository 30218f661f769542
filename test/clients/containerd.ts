import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inOwnNamespaces, run, runOk, startDaemon } from './child.ts'
import type { Client } from './client.ts'
import type { Sandbox } from './sandbox.ts'
import { digestsIn } from './straight.ts'

/**
 * Between `ctr` and its own daemon, from whose store it reads what it pushes, and once in some thousand
 * pushes: what a registry does to it is told with the request's URL.
 *
 * @see https://github.com/containerd/containerd/issues/5734
 */
const BROKEN_STREAM = 'failed to copy: rpc error: code = Internal desc = unexpected EOF'

/**
 * `ctr`, with a containerd in the sandbox. It knows no file of credentials and no log-in.
 *
 * @param hostsDir where it finds the `hosts.toml` of the registry that is pulled from
 */
export async function createContainerd(
  sandbox: Sandbox,
  hostsDir: () => string | undefined,
): Promise<Client> {
  const socket = await startContainerd(sandbox)
  const ctr = (args: readonly string[]) => runOk('ctr', ['--address', socket, ...args], sandbox)
  const reach = () => {
    const folder = hostsDir()
    return folder === undefined ? ['--plain-http'] : ['--hosts-dir', folder]
  }
  const remove = (name: string) => ctr(['images', 'remove', '--sync', name])
  const none = () => Promise.reject(new Error('ctr keeps no logins'))
  return {
    name: 'containerd',
    configure: none,
    login: none,
    logout: none,
    async push(name, { archive, ...digests }) {
      await ctr(['images', 'import', '--snapshotter', 'native', archive])
      const push = () => ctr(['images', 'push', ...reach(), name])
      await push().catch((error) => {
        if (!String(error).includes(BROKEN_STREAM)) throw error
        return push()
      })
      await remove(name)
      // What it imports, it keeps and pushes as it is.
      return digests
    },
    async pull(name) {
      await ctr(['images', 'pull', ...reach(), '--snapshotter', 'native', name])
      const archive = join(await sandbox.makeFolder('exported'), 'image.tar')
      const folder = await sandbox.makeFolder('stored')
      await ctr(['images', 'export', archive, name])
      await runOk('skopeo', ['copy', `oci-archive:${archive}`, `dir:${folder}`], sandbox)
      await remove(name)
      return digestsIn(folder)
    },
    tryPull: (name) =>
      run('ctr', ['--address', socket, 'images', 'pull', ...reach(), name], sandbox),
  }
}

/** Starts a containerd that shares nothing with the machine's own, until the sandbox is closed. */
async function startContainerd(sandbox: Sandbox): Promise<string> {
  const root = await sandbox.makeFolder('containerd')
  const socket = join(root, 'socket')
  const config = join(root, 'config.toml')
  await writeFile(
    config,
    [
      'version = 2',
      `root = ${JSON.stringify(join(root, 'data'))}`,
      `state = ${JSON.stringify(join(root, 'state'))}`,
      // Kubernetes' door wants a network plugin; ctr does not use it.
      'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
      '[grpc]',
      `address = ${JSON.stringify(socket)}`,
      '[ttrpc]',
      `address = ${JSON.stringify(`${socket}.ttrpc`)}`,
      // The one place that otherwise is /opt/containerd.
      '[plugins."io.containerd.internal.v1.opt"]',
      `path = ${JSON.stringify(join(root, 'opt'))}`,
      '',
    ].join('\n'),
  )
  await startDaemon(
    sandbox.stack,
    inOwnNamespaces(['containerd', '--config', config], sandbox.hosts),
    sandbox.env,
    async () => {
      const asked = await run('ctr', ['--address', socket, 'version'], { env: sandbox.env })
      return asked.status === 0 ? true : undefined
    },
  )
  return socket
}
