import type { Host } from '../model/host.ts'
import { DEFAULT_ENTRY, type Entry, type EntryKey } from './vault.ts'

/**
 * The name of an entry that a docker client stored under a URL rather than a bare host: the URL,
 * in one spelling. Several such entries of one host may so lie side by side, and none replaces
 * what was stored under the host itself.
 */
export function urlName(
  scheme: 'https' | 'http' | undefined,
  authority: string,
  path: string,
  query = '',
): string {
  const start = scheme === undefined ? '//' : `${scheme}://`
  return `${start}${authority}${path === '' ? '' : `/${path}`}${query}`
}

/** Whether a docker client gave the entry its name, by a URL. */
export function isUrlName(name: string): boolean {
  return /^(https?:)?\/\//.test(name)
}

/**
 * Whether the entry is its host's, as anybody may ask for it.
 *
 * What was stored under `http://` is not: a password meant for plain http is another registry's, on
 * another port. Nor is a URL with a query, nor Docker Hub's own token keys.
 */
export function isHostsOwn({ host, prefix, name }: EntryKey): boolean {
  return !isUrlName(name) || httpsNames(host, prefix).includes(name)
}

/** The URLs that mean the same place over https. */
export function httpsNames(host: Host, prefix: string): readonly string[] {
  return [urlName('https', host.name, prefix), urlName(undefined, host.name, prefix)]
}

/**
 * The entry that answers for a host: of the longest prefix, the one called `name`, else the default
 * one, else the newest.
 *
 * @param entries - in any order, all of one host and of prefixes of one repository
 */
export function chooseEntry(
  entries: readonly Entry[],
  name: string = DEFAULT_ENTRY,
): Entry | undefined {
  const rank = (entry: Entry) => [
    entry.prefix.length,
    Number(entry.name === name),
    Number(entry.name === DEFAULT_ENTRY),
    entry.updatedAt.getTime(),
  ]
  return entries
    .filter((entry) => entry.name === name || isHostsOwn(entry))
    .reduce<Entry | undefined>(
      (best, entry) => (best && !isAbove(rank(entry), rank(best)) ? best : entry),
      undefined,
    )
}

function isAbove(a: readonly number[], b: readonly number[]): boolean {
  const at = a.findIndex((value, i) => value !== b[i])
  return at !== -1 && (a[at] ?? 0) > (b[at] ?? 0)
}
