import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { type Call, run } from './child.ts'
import { type ImageClient, nameOf } from './client.ts'
import { type Image, writeLayout } from './image.ts'

/** Where and how other people's programs run: in a directory of the demo's, with no login of anybody's. */
export interface Workshop {
  readonly directory: string
  readonly image: Image
  readonly env: Readonly<Record<string, string | undefined>>
  readonly signal: AbortSignal
}

type Runner = (args: readonly string[], input?: Buffer) => Promise<string>

/**
 * Looks for clients of registries on this machine.
 *
 * @returns the clients that are installed here and can work, docker last.
 */
export async function findPrograms(workshop: Workshop): Promise<readonly ImageClient[]> {
  const { directory, image } = workshop
  await writeLayout(image, join(directory, 'image'))
  await mkdir(join(directory, 'docker'))
  await writeFile(join(directory, 'auth.json'), '{}')
  await writeFile(join(directory, 'policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}')
  const found = [
    await findSkopeo(directory, runner('skopeo', workshop)),
    await findBuildah(directory, runner('buildah', workshop)),
    await findDocker(image, runner('docker', workshop)),
  ]
  return found.filter((client) => client !== undefined)
}

function runner(program: string, { directory, env, signal }: Workshop): Runner {
  // An empty or relative entry of PATH would run whatever lies in the current directory.
  const path = (env['PATH'] ?? '').split(':').filter(isAbsolute).join(':')
  const dockerHost = env['DOCKER_HOST']
  const call: Omit<Call, 'args'> = {
    program,
    env: {
      PATH: path,
      HOME: directory,
      TMPDIR: directory,
      XDG_RUNTIME_DIR: directory,
      REGISTRY_AUTH_FILE: join(directory, 'auth.json'),
      DOCKER_CONFIG: join(directory, 'docker'),
      ...(dockerHost !== undefined && { DOCKER_HOST: dockerHost }),
    },
    signal,
  }
  return (args, input) => run({ ...call, args, ...(input !== undefined && { input }) })
}

async function works(attempt: Promise<string>): Promise<string | undefined> {
  return attempt.catch(() => undefined)
}

async function findSkopeo(directory: string, skopeo: Runner): Promise<ImageClient | undefined> {
  if ((await works(skopeo(['--version']))) === undefined) return undefined
  const digestFile = join(directory, 'digest')
  const copy = async (...args: readonly string[]): Promise<string> => {
    await skopeo([
      '--policy',
      join(directory, 'policy.json'),
      'copy',
      '--digestfile',
      digestFile,
      ...args,
    ])
    return (await readFile(digestFile, 'utf8')).trim()
  }
  return {
    name: 'skopeo',
    push: (reference) =>
      copy('--dest-tls-verify=false', `oci:${directory}/image`, `docker://${nameOf(reference)}`),
    pull: (reference) =>
      copy('--src-tls-verify=false', `docker://${nameOf(reference)}`, `oci:${directory}/pulled`),
    async close() {},
  }
}

async function findBuildah(directory: string, buildah: Runner): Promise<ImageClient | undefined> {
  const storage = ['--storage-driver=vfs', `--root=${directory}/root`, `--runroot=${directory}/run`]
  const call = (command: string, ...args: readonly string[]) =>
    buildah([...storage, command, ...args])
  const policy = `--signature-policy=${directory}/policy.json`
  // Without root, it needs user namespaces, which not every machine gives it.
  const id = await works(call('pull', policy, `oci:${directory}/image`))
  if (id === undefined) return undefined
  return {
    name: 'buildah',
    async push(reference) {
      await call('push', policy, '--tls-verify=false', id, `docker://${nameOf(reference)}`)
      return id
    },
    async pull(reference) {
      await works(call('rmi', '--all', '--force'))
      return call('pull', policy, '--tls-verify=false', `docker://${nameOf(reference)}`)
    },
    async close() {},
  }
}

async function findDocker({ tar }: Image, docker: Runner): Promise<ImageClient | undefined> {
  const server = await works(
    docker(['info', '--format', '{{.OperatingSystem}} {{.SecurityOptions}}']),
  )
  // A daemon that lives in a machine or network of its own has another localhost than we have.
  if (!server || /Docker Desktop|rootless/.test(server)) return undefined
  const made = new Set<string>()
  const remove = async (name: string) => {
    await works(docker(['image', 'rm', '--force', name]))
    made.delete(name)
  }
  return {
    name: 'docker',
    async push(reference) {
      const name = nameOf(reference)
      made.add(name)
      const id = await docker(['import', '-', name], tar)
      await docker(['push', name])
      return id
    },
    async pull(reference) {
      const name = nameOf(reference)
      await remove(name)
      made.add(name)
      await docker(['pull', name])
      return docker(['image', 'inspect', '--format', '{{.Id}}', name])
    },
    async close() {
      for (const name of made) await remove(name)
    },
  }
}
