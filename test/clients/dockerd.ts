import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Environment, inOwnNamespaces, run, startDaemon } from './child.ts'
import type { Sandbox } from './sandbox.ts'

/**
 * Starts a Docker daemon that shares nothing with the machine's own, until the sandbox is closed.
 *
 * @param settings of its `daemon.json`
 * @returns the environment of a `docker` that talks to it.
 */
export async function startDockerd(sandbox: Sandbox, settings: object = {}): Promise<Environment> {
  const root = await sandbox.makeFolder('dockerd')
  const socket = `unix://${join(root, 'socket')}`
  const config = join(root, 'daemon.json')
  await writeFile(config, JSON.stringify(settings))
  const env = { ...sandbox.env, DOCKER_HOST: socket }
  await startDaemon(
    sandbox.stack,
    inOwnNamespaces(
      [
        ...['dockerd', '--host', socket, '--storage-driver=vfs'],
        ...['--data-root', join(root, 'data'), '--exec-root', join(root, 'exec')],
        ...['--pidfile', join(root, 'pid'), '--config-file', config],
        // No container is run, and a test has no business with the machine's network.
        ...['--bridge=none', '--iptables=false', '--ip6tables=false', '--ip-forward=false'],
      ],
      sandbox.hosts,
    ),
    sandbox.env,
    async () => {
      const asked = await run('docker', ['version', '--format', '{{.Server.Version}}'], { env })
      return asked.status === 0 ? true : undefined
    },
  )
  return env
}
