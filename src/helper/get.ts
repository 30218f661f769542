import { excuse } from '../fault.ts'
import type { Credential } from '../model/credential.ts'
import type { Login } from '../model/login.ts'
import { nameOf, type Target } from '../model/target.ts'
import { loginWithin } from '../registries/static-login.ts'
import type { Resolution } from '../resolver.ts'
import { isHostsOwn, isUrlName } from '../vault/spelling.ts'
import type { Entry } from '../vault/vault.ts'
import type { HelperContext } from './context.ts'
import { parseServerUrl, type ServerUrl } from './server-url.ts'

/**
 * Finds the login for a server URL.
 *
 * A registry's is the resolver's to find, which prefers the entry stored under this very URL. Only
 * if it has none, an entry of another port or path may do, as in the system keychains' helpers.
 *
 * @returns `undefined` if there is none, or if the URL names no registry.
 */
export async function getLogin(
  text: string,
  context: HelperContext,
  signal: AbortSignal,
): Promise<Login | undefined> {
  const url = parseServerUrl(text)
  if (url === undefined) return undefined
  const login =
    url.kind === 'key' ? await findByName(url, context) : await findByHost(url, context, signal)
  // A client takes an empty login for an anonymous one, or sends it: either is not what was meant.
  return login === undefined || login.username === '' || login.secret.isEmpty ? undefined : login
}

/** The question that a server URL asks. */
export function targetOf({ host, path, entry }: ServerUrl, workspace: string): Target {
  const repository = path === '' ? undefined : path
  return { workspace, host, repository, action: 'pull', entry }
}

async function findByHost(
  url: ServerUrl,
  context: HelperContext,
  signal: AbortSignal,
): Promise<Login | undefined> {
  const { workspace, resolver, log } = context
  const target = targetOf(url, workspace)
  let resolution: Resolution | undefined
  try {
    resolution = await resolver.resolve(target, signal)
  } catch (fault) {
    signal.throwIfAborted()
    const tell = (why: string) => context.complain('warning', why)
    excuse(fault, { target, onFault: await context.onFault(target), tell })
    // And none of another port: one that cannot be used is not replaced.
    return undefined
  }
  log.debug('login', { target: nameOf(target), workspace, source: resolution?.source ?? 'none' })
  return resolution?.login ?? findNearby(url, context)
}

async function findByName(
  { host, path, entry }: ServerUrl,
  { workspace, openVault }: HelperContext,
): Promise<Login | undefined> {
  const vault = await openVault()
  const entries = await vault.find(workspace, host, path)
  const found = entries.find(({ prefix, name }) => prefix === path && name === entry)
  return found && loginWithin(found.credential)
}

/**
 * What a client stored as `https://host:2376` answers `host`, and `https://host:1234/one/two`
 * answers `https://host:1234`: clients forget ports and paths. Never the other way, never where two
 * would do, and never for a registry whose name alone says where it is.
 */
async function findNearby(url: ServerUrl, context: HelperContext): Promise<Login | undefined> {
  const { host, hasPort, path } = url
  if (path !== '' || !(await context.isGeneric(host))) return undefined
  const vault = await context.openVault()
  const entries = await vault.findByHostname(context.workspace, host.hostname)
  const [entry, second] = entries.filter(
    (each) =>
      isUrlName(each.name) &&
      isHostsOwn(each) &&
      isClients(each.credential) &&
      (each.host.name === host.name || isWithoutPath(each, !hasPort)),
  )
  return entry === undefined || second !== undefined ? undefined : loginWithin(entry.credential)
}

function isWithoutPath({ prefix }: Entry, anyPort: boolean): boolean {
  return anyPort && prefix === ''
}

/** Whether it is of the kinds that docker clients store. */
export function isClients({ kind }: Credential): boolean {
  return kind === 'basic' || kind === 'identity-token'
}
