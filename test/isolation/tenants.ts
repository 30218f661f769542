import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Ended, type Environment, run } from '../clients/child.ts'
import { type OpenedLease, openLease, showing } from '../doors/agent.ts'
import { purser, type Serving, serve } from '../doors/serving.ts'
import { testAuthority } from '../fakes/certificates.ts'
import { ask } from '../proxy/harness.ts'
import {
  type PrivateRegistry,
  signatureOf,
  startPrivateRegistry,
  type User,
} from './private-registry.ts'

/** A lease, and all that it may use. */
export interface Tenant {
  readonly name: string
  readonly workspace: string
  readonly lease: OpenedLease
  /** Its own at the registry of all leases, at one that it alone knows, and its workspace's. */
  readonly users: { readonly request: User; readonly own: User; readonly entry: User }
  /** The registry that it alone knows. */
  readonly own: PrivateRegistry
}

/** A node with four leases in two workspaces. */
export interface Node {
  readonly serving: Serving
  readonly tenants: readonly Tenant[]
  /** Where each lease has a login by its request. */
  readonly requests: PrivateRegistry
  /** Where each workspace has an entry. */
  readonly entries: PrivateRegistry
  /** Where the node itself has a login. */
  readonly nodes: PrivateRegistry
  /** Everybody's secrets, with whose they are. */
  readonly secrets: ReadonlyMap<string, string>
  /** Who was where since the last call. */
  arrivals(): readonly string[]
  helper(tenant: Tenant, action: string, input: string, more?: Environment): Promise<Ended>
}

/** The workspaces, and what is in them: the operator's own has an entry too. */
const WORKSPACES = ['red', 'blue', 'default']
const LEASES = ['red1', 'red2', 'blue1', 'blue2']
export const DIGEST = `sha256:${'a'.repeat(64)}`

const userOf = (name: string): User => ({ name, password: `pw-of-${name}` })
const workspaceOf = (lease: string) => lease.slice(0, -1)

/** Of an entry, its name in the vault. */
export function entryOf(workspace: string): string {
  return `entry-of-${workspace}`
}

/** @param stack takes it down */
export async function openNode(stack: AsyncDisposableStack): Promise<Node> {
  const node = userOf('node')
  const requests = await startPrivateRegistry(LEASES.map(userOf), false)
  const entries = await startPrivateRegistry(WORKSPACES.map(userOf), false)
  const nodes = await startPrivateRegistry([node], false)
  const owns = await Promise.all(
    LEASES.map((name) => startPrivateRegistry([userOf(`own-${name}`)], true)),
  )
  const registries = [requests, entries, nodes, ...owns]
  for (const registry of registries) stack.defer(() => registry.close())

  const serving = await serve(
    [
      ...['[proxy]', 'listen = ["127.0.0.1:0"]', 'client_auth = "lease"'],
      ...[requests, entries, nodes].flatMap(({ host }) => [
        ...['[[upstream]]', `host = "${host}"`, 'tls = false'],
      ]),
      // Lent to nobody: `requests` is false unless somebody says so.
      ...['[ambient]', 'enabled = true', 'sources = ["docker"]'],
      ...['[tls]', `ca = ["${testAuthority().caFile}"]`],
      // Not configured, they would have to be at public addresses.
      ...['[connect]', ...owns.map(({ host }) => `"${host}" = "${host}"`)],
    ],
    { stack, env: { DOCKER_CONFIG: logIn(stack, nodes, node) } },
  )
  const { home } = serving
  for (const workspace of WORKSPACES) {
    const { name, password } = userOf(workspace)
    const where = ['--workspace', workspace, '--name', entryOf(workspace)]
    const args = ['login', entries.host, '--username', name, '--password-stdin', ...where]
    const { status, stderr } = await purser(home, args, password)
    if (status !== 0) throw new Error(stderr)
  }

  const tenants = await Promise.all(
    LEASES.map(async (name, index): Promise<Tenant> => {
      const own = owns[index]
      if (own === undefined) throw new Error('each lease has a registry of its own')
      const workspace = workspaceOf(name)
      const users = {
        ...{ request: userOf(name), own: userOf(`own-${name}`), entry: userOf(workspace) },
      }
      const lease = await openLease(
        home,
        containerOf(users, requests, own),
        `?workspace=${workspace}`,
      )
      return { name, workspace, lease, users, own }
    }),
  )

  const program = join(home, 'docker-credential-purser')
  symlinkSync(join(import.meta.dirname, '../../src/main.ts'), program)
  const everybody = [...LEASES, ...LEASES.map((name) => `own-${name}`), ...WORKSPACES, 'node']
  const seen = new Map<PrivateRegistry, number>()
  return {
    ...{ serving, tenants, requests, entries, nodes },
    secrets: new Map([
      ...everybody
        .map(userOf)
        .flatMap((user) => [
          [user.password, user.name] as const,
          [signatureOf(user), user.name] as const,
        ]),
      ...tenants.map(({ name, lease }) => [lease.secret, name] as const),
    ]),
    arrivals: () =>
      registries.flatMap((registry) => {
        const before = seen.get(registry) ?? 0
        seen.set(registry, registry.visits.length)
        return registry.visits.slice(before)
      }),
    helper(tenant, action, input, more = {}) {
      const usual = { PURSER_HOME: home, HOME: home, PATH: '/usr/bin:/bin', NODE_NO_WARNINGS: '1' }
      const env = { ...usual, ...tenant.lease.environment, ...more }
      return run(process.execPath, [program, action], { env, input })
    },
  }
}

/** Asks the proxy as a lease does. */
export function askProxy(
  { serving }: Node,
  { lease }: Pick<Tenant, 'lease'>,
  { host }: Pick<PrivateRegistry, 'host'>,
  path: string,
  options: Parameters<typeof ask>[1] = {},
) {
  const url = `${serving.url}/v2/${host.replace(':', '_')}/${path}`
  return ask(url, { ...options, headers: { ...showing(lease.secret), ...options.headers } })
}

function containerOf(
  { request, own }: Tenant['users'],
  { host }: PrivateRegistry,
  registry: PrivateRegistry,
) {
  const credentials = { USERNAME: request.name, PASSWORD: request.password }
  return {
    image_credentials: JSON.stringify({ registry: host, type: 'basic', credentials }),
    build_options: {
      source_image: `${registry.host}/${own.name}/app:1`,
      source_image_creds: `${own.name}:${own.password}`,
    },
  }
}

/** Gives the node's own docker a login. @returns the folder of its configuration */
function logIn(
  stack: AsyncDisposableStack,
  { host }: PrivateRegistry,
  { name, password }: User,
): string {
  const folder = mkdtempSync(join(tmpdir(), 'purser-n-'))
  stack.defer(() => rmSync(folder, { recursive: true }))
  const auth = Buffer.from(`${name}:${password}`).toString('base64')
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ auths: { [host]: { auth } } }), {
    mode: 0o600,
  })
  return folder
}
