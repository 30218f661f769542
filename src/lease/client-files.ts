import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Host } from '../model/host.ts'
import { DIRECTORY_MODE, FILE_MODE, type Uid } from '../vault/privacy.ts'
import { makePrivateDirectory } from '../vault/private-file.ts'
import { isLeaseId, type Lease } from './lease.ts'

/** What makes clients use a lease without knowing of leases. */
export interface ClientFiles {
  readonly directory: string
  readonly environment: Readonly<Record<string, string>>
}

export interface ClientFilesOptions {
  /** Below it, each lease has a directory of its own. */
  readonly root: string
  readonly uid: Uid
  /** The agent's. */
  readonly socket: string
  /** Of the proxy, as a client writes it: `127.0.0.1:5000`; none if it listens on no port. */
  readonly proxies: readonly string[]
  /** The registries for which the lease has a credential. */
  readonly hosts: readonly Host[]
}

/** Shown with the secret; it says nothing. */
const USER = 'lease'

/**
 * Writes the files by which docker, buildah, skopeo, podman, crane and CLIP use a lease: its secret for
 * the proxy, and the helper, which asks the agent, for its registries themselves.
 *
 * @throws `unsafe-file` if the directory is not the user's alone
 */
export function writeClientFiles({ id, secret }: Lease, options: ClientFilesOptions): ClientFiles {
  const { root, uid, socket, proxies, hosts } = options
  const directory = join(root, id)
  makePrivateDirectory(root, uid)
  // Nobody else's: no two leases have one id.
  mkdirSync(directory, { mode: DIRECTORY_MODE })
  const password = secret.reveal()
  const auth = Buffer.from(`${USER}:${password}`).toString('base64')
  const config = {
    auths: Object.fromEntries(proxies.map((proxy) => [proxy, { auth }])),
    credHelpers: Object.fromEntries(hosts.flatMap(keysOf).map((key) => [key, 'purser'])),
  }
  // docker's and podman's programs read the same: one file does for both.
  const file = join(directory, 'config.json')
  writeFileSync(file, `${JSON.stringify(config, undefined, 2)}\n`, { flag: 'wx', mode: FILE_MODE })
  const login = { username: USER, password }
  return {
    directory,
    environment: {
      DOCKER_CONFIG: directory,
      REGISTRY_AUTH_FILE: file,
      PURSER_REQUEST: `lease:${id}`,
      PURSER_SOCKET: socket,
      CLIP_OCI_AUTH: JSON.stringify(Object.fromEntries(proxies.map((proxy) => [proxy, login]))),
    },
  }
}

/** Whether {@link writeClientFiles} has written them, and nobody has removed them since. */
export function hasClientFiles(root: string, id: string): boolean {
  return existsSync(join(root, id))
}

/** Removes what {@link writeClientFiles} has written. */
export function removeClientFiles(root: string, id: string): void {
  rmSync(join(root, id), { recursive: true, force: true })
}

/** Removes what an agent that was killed has left of leases that have ended. */
export function removeStrayFiles(root: string, isOpen: (id: string) => boolean): void {
  if (!existsSync(root)) return
  for (const name of readdirSync(root)) {
    if (isLeaseId(name) && !isOpen(name)) removeClientFiles(root, name)
  }
}

/**
 * Docker Hub is asked for by a key of its own.
 *
 * @see https://github.com/docker/cli/blob/master/cli/config/configfile/file.go
 */
function keysOf({ name }: Host): readonly string[] {
  return name === 'docker.io' ? [name, 'https://index.docker.io/v1/'] : [name]
}
