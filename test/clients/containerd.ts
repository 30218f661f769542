import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inOwnNamespaces, run, startDaemon } from './child.ts'
import type { Sandbox } from './sandbox.ts'

/**
 * Starts a containerd that shares nothing with the machine's own, until the sandbox is closed.
 *
 * @returns its socket, for `ctr --address`.
 */
export async function startContainerd(sandbox: Sandbox): Promise<string> {
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
    inOwnNamespaces(['containerd', '--config', config]),
    sandbox.env,
    async () => {
      const asked = await run('ctr', ['--address', socket, 'version'], { env: sandbox.env })
      return asked.status === 0 ? true : undefined
    },
  )
  return socket
}
