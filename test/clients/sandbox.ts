import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { Environment } from './child.ts'
import { type Image, makeImage } from './image.ts'
import { PROGRAM_PATH } from './programs.ts'

/** The binary as it is shipped, made by `node scripts/build.ts`. */
const BINARY = join(import.meta.dirname, '../../dist/purser')

/** A place where clients run with a home, image store and PATH of their own. */
export interface Sandbox {
  /** What a client inherits: nothing of the machine's own configuration. */
  readonly env: Environment
  /** The file that clients find as `/etc/hosts`, if it is not the machine's own. */
  readonly hosts?: string
  /** DOCKER_CONFIG/config.json */
  readonly dockerConfig: string
  /** REGISTRY_AUTH_FILE */
  readonly authFile: string
  /** Takes down what was started here, the last first, and then the files. */
  readonly stack: AsyncDisposableStack
  /** An image that no registry and no store has: nothing of it can be there already. */
  makeImage(name: string): Promise<Image>
  /** A new folder that goes with the sandbox; `name` is for who looks at it. */
  makeFolder(name: string): Promise<string>
}

/**
 * Makes the place, with `docker-credential-purser` in PATH and no configuration of any client yet.
 * Dispose of its `stack` when the tests are over.
 */
export async function openSandbox(): Promise<Sandbox> {
  const stack = new AsyncDisposableStack()
  // A unix socket's path has at most 107 bytes: a short name leaves room for the daemons' own.
  const folder = await mkdtemp(join(tmpdir(), 'purser-c-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const home = join(folder, 'home')
  const bin = join(folder, 'bin')
  const docker = join(home, '.docker')
  const containers = join(home, '.config/containers')
  for (const each of [bin, docker, containers, join(folder, 'run')]) {
    await mkdir(each, { recursive: true, mode: 0o700 })
  }
  await symlink(BINARY, join(bin, 'docker-credential-purser'))
  await symlink(BINARY, join(bin, 'purser'))
  await isolateContainers(folder, containers)
  let folders = 0
  const makeFolder = async (name: string): Promise<string> => {
    folders += 1
    const made = join(folder, `${name}-${folders}`)
    await mkdir(made)
    return made
  }
  return {
    env: {
      PATH: [bin, PROGRAM_PATH].join(delimiter),
      HOME: home,
      TMPDIR: folder,
      XDG_RUNTIME_DIR: join(folder, 'run'),
      DOCKER_CONFIG: docker,
      REGISTRY_AUTH_FILE: join(folder, 'auth.json'),
      CONTAINERS_STORAGE_CONF: join(folder, 'storage.conf'),
      CONTAINERS_REGISTRIES_CONF: join(folder, 'registries.conf'),
      CONTAINERS_CONF: join(folder, 'containers.conf'),
      PURSER_HOME: join(folder, 'purser'),
    },
    dockerConfig: join(docker, 'config.json'),
    authFile: join(folder, 'auth.json'),
    stack,
    makeFolder,
    makeImage: async (name) => makeImage(join(await makeFolder('image'), 'image.tar'), name),
  }
}

/** Keeps buildah, podman and skopeo off the machine's own images, settings and policy. */
async function isolateContainers(folder: string, containers: string): Promise<void> {
  await writeFile(
    join(containers, 'policy.json'),
    '{"default":[{"type":"insecureAcceptAnything"}]}',
  )
  // buildah and podman refuse to start where the file that they are told of is not there.
  await writeFile(join(folder, 'auth.json'), '{}')
  await writeFile(join(folder, 'registries.conf'), 'unqualified-search-registries = []\n')
  await writeFile(
    join(folder, 'storage.conf'),
    [
      '[storage]',
      // The one driver that needs neither a kernel's help nor a mount.
      'driver = "vfs"',
      `graphroot = ${JSON.stringify(join(folder, 'store'))}`,
      `runroot = ${JSON.stringify(join(folder, 'run/store'))}`,
      '',
    ].join('\n'),
  )
  await writeFile(
    join(folder, 'containers.conf'),
    [
      '[engine]',
      `tmp_dir = ${JSON.stringify(join(folder, 'run/libpod'))}`,
      'cgroup_manager = "cgroupfs"',
      'events_logger = "none"',
      '[network]',
      `network_config_dir = ${JSON.stringify(join(folder, 'networks'))}`,
      '',
    ].join('\n'),
  )
}
