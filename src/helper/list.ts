import type { Credential } from '../model/credential.ts'
import { describeError } from '../model/errors.ts'
import { DOCKER_HUB_URL, type Host, isDockerHub } from '../model/host.ts'
import { usernameOf } from '../registries/static-login.ts'
import { chooseEntry, isUrlName } from '../vault/spelling.ts'
import { type Entry, placeOf } from '../vault/vault.ts'
import type { HelperContext } from './context.ts'

/**
 * The server URLs that `get` can answer, with their user names; asks no network.
 *
 * Nothing else: `docker build` gets each URL of the list, and gives up when one of them fails.
 */
export async function listLogins(
  context: HelperContext,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  const { workspace, openVault } = context
  const entries = await (await openVault()).list(workspace)
  const byUrl = Map.groupBy(entries, urlOf)
  const listed = new Map<string, string>()
  for (const [url, group] of byUrl) {
    const entry = isUrlName(group[0]?.name ?? '') ? group[0] : chooseEntry(group)
    if (entry !== undefined) listed.set(url, usernameOf(entry.credential))
  }
  for (const host of await context.findHosts()) {
    const credential = await find(host, context, signal)
    if (credential !== undefined) listed.set(urlOfHost(host, ''), usernameOf(credential))
  }
  return Object.fromEntries(listed)
}

function urlOf({ host, prefix, name }: Entry): string {
  return isUrlName(name) ? name : urlOfHost(host, prefix)
}

function urlOfHost(host: Host, prefix: string): string {
  if (isDockerHub(host)) return prefix === '' ? DOCKER_HUB_URL : `index.docker.io/${prefix}`
  return placeOf({ host, prefix })
}

async function find(
  host: Host,
  { workspace, openSources, log }: HelperContext,
  signal: AbortSignal,
): Promise<Credential | undefined> {
  try {
    for (const source of await openSources()) {
      const target = { workspace, host, repository: undefined, action: 'pull' } as const
      const found = await source.find(target, signal)
      if (found !== undefined) return found.credential
    }
  } catch (error) {
    log.warn('left out of the list', { host: host.name, error: describeError(error) })
  }
  return undefined
}
