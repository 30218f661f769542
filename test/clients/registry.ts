import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runOk, startDaemon } from './child.ts'
import { PROGRAM_PATH } from './programs.ts'
import type { Sandbox } from './sandbox.ts'
import { startTokenServer, type TokenServer } from './token-server.ts'

/** How a registry of the tests asks for a login. */
export const AUTHS = ['htpasswd', 'token'] as const
export type Auth = (typeof AUTHS)[number]

/** Debian's docker-registry, behind a login or none, in plain http on loopback. */
export interface Upstream {
  readonly auth: Auth | 'none'
  /** `127.0.0.1:PORT` */
  readonly host: string
  /** The host as a path component: `127.0.0.1_PORT`. */
  readonly pathHost: string
  readonly user: string
  readonly password: string
  /** Where tokens come from, if the registry takes tokens. */
  readonly tokens: TokenServer | undefined
  /** All that the registry has logged: every request, and every user it refused. */
  readonly log: () => string
}

/** One registry of each kind. */
export type Upstreams = Readonly<Record<Auth, Upstream>>

/** What has to be there for {@link startRegistry}. */
export const REGISTRY_PROGRAMS = ['docker-registry', 'htpasswd'] as const

/** Starts a registry of each kind. */
export async function startRegistries(sandbox: Sandbox): Promise<Upstreams> {
  const htpasswd = await startRegistry(sandbox, 'htpasswd')
  const token = await startRegistry(sandbox, 'token')
  return { htpasswd, token }
}

/** Starts an empty registry on a free port, until the sandbox is closed. */
export async function startRegistry(
  sandbox: Sandbox,
  auth: Auth | 'none',
  options: { readonly identityTokens?: boolean; readonly isPublic?: boolean } = {},
): Promise<Upstream> {
  const user = 'captain'
  const password = `pw-${randomUUID()}`
  const folder = await sandbox.makeFolder('registry')
  const tokens =
    auth === 'token'
      ? await startTokenServer(sandbox.stack, {
          user,
          password,
          identityTokens: options.identityTokens ?? false,
          isPublic: options.isPublic ?? false,
        })
      : undefined
  const passwords = { realm: 'tests', path: await makeHtpasswd(sandbox, folder, user, password) }
  const access =
    tokens === undefined
      ? { htpasswd: passwords }
      : {
          token: {
            realm: `${tokens.origin}/token`,
            service: tokens.service,
            issuer: tokens.issuer,
            rootcertbundle: tokens.certFile,
          },
        }
  // YAML is a superset of JSON.
  const config = JSON.stringify({
    version: '0.1',
    log: { level: 'info', formatter: 'json' },
    storage: {
      filesystem: { rootdirectory: join(folder, 'data') },
      delete: { enabled: true },
    },
    http: { addr: '127.0.0.1:0', secret: randomUUID() },
    ...(auth !== 'none' && { auth: access }),
  })
  await writeFile(join(folder, 'config.yml'), config)
  const { value: port, output } = await startDaemon(
    sandbox.stack,
    ['docker-registry', 'serve', join(folder, 'config.yml')],
    // It reads REGISTRY_AUTH_FILE as its own setting `auth.file`: clients' variables stay outside.
    { PATH: PROGRAM_PATH },
    (said) => /"listening on 127\.0\.0\.1:(\d+)"/.exec(said)?.[1],
  )
  return {
    auth,
    host: `127.0.0.1:${port}`,
    pathHost: `127.0.0.1_${port}`,
    user,
    password,
    tokens,
    log: output,
  }
}

async function makeHtpasswd(
  sandbox: Sandbox,
  folder: string,
  user: string,
  password: string,
): Promise<string> {
  const file = join(folder, 'htpasswd')
  // The registry takes bcrypt only; cost 4 is the least, as each request is checked again.
  const line = await runOk('htpasswd', ['-niB', '-C', '4', user], {
    env: sandbox.env,
    input: password,
  })
  await writeFile(file, line)
  return file
}
