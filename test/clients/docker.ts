import { writeFile } from 'node:fs/promises'
import { array, object, parse, string } from 'valibot'
import { type Environment, run, runOk } from './child.ts'
import type { Client } from './client.ts'
import { startDockerd } from './dockerd.ts'
import type { Sandbox } from './sandbox.ts'

/** docker, and what it alone can do. */
export interface Docker extends Client {
  /** With which its daemon is found. */
  readonly env: Environment
  /** Runs a command, which has to succeed. @returns its stdout */
  run(args: readonly string[], input?: string): Promise<string>
}

const Inspected = array(
  object({
    Id: string(),
    RepoDigests: array(string()),
    RootFS: object({ Layers: array(string()) }),
  }),
)

/** docker, with a daemon in the sandbox. It decides by the registry's name whether it wants TLS. */
export async function createDocker(sandbox: Sandbox): Promise<Docker> {
  return dockerOf({ ...sandbox, env: await startDockerd(sandbox) })
}

/** docker, with a daemon that runs already. */
export function dockerOf({ env, dockerConfig }: Sandbox): Docker {
  const docker = (args: readonly string[], input = '') => runOk('docker', args, { env, input })
  return {
    name: 'docker',
    env,
    run: docker,
    configure: (config) => writeFile(dockerConfig, JSON.stringify(config)),
    login: ({ host, user, password }) =>
      docker(['login', '--username', user, '--password-stdin', host], password),
    logout: (host) => docker(['logout', host]),
    async push(name, { archive }) {
      await docker(['load', '--quiet', '--input', archive])
      const said = await docker(['push', name])
      await docker(['rmi', name])
      return { manifestDigest: /digest: (sha256:[0-9a-f]{64}) /.exec(said)?.[1] ?? said }
    },
    async pull(name) {
      await docker(['pull', '--quiet', name])
      const [found] = parse(Inspected, JSON.parse(await docker(['image', 'inspect', name])))
      await docker(['rmi', name])
      if (found === undefined) throw new Error(`docker inspects nothing of ${name}`)
      const { Id, RepoDigests, RootFS } = found
      const [, manifestDigest = ''] = RepoDigests.join().split('@')
      return { manifestDigest, configDigest: Id, diffIds: RootFS.Layers }
    },
    tryPull: (name) => run('docker', ['pull', name], { env }),
  }
}
