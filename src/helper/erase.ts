import { chooseEntry, httpsNames } from '../vault/spelling.ts'
import { DEFAULT_ENTRY } from '../vault/vault.ts'
import type { HelperContext } from './context.ts'
import { parseServerUrl } from './server-url.ts'

/**
 * Removes what was stored under a server URL, or, if nothing was, under another spelling of the
 * same place: after a logout, `get` has nothing more.
 *
 * That there was nothing is no error: skopeo 1.9 and buildah 1.28 overflow their stack over one.
 */
export async function eraseLogin(
  text: string,
  { workspace, openVault }: HelperContext,
): Promise<void> {
  const url = parseServerUrl(text)
  if (url === undefined) return
  const { kind, host, path: prefix, entry } = url
  const vault = await openVault()
  if (await vault.remove({ workspace, host, prefix, name: entry })) return
  if (kind === 'key') return
  const spellings = [DEFAULT_ENTRY, ...httpsNames(host, prefix)]
  const entries = await vault.find(workspace, host, prefix)
  const other = chooseEntry(
    entries.filter((each) => each.prefix === prefix && spellings.includes(each.name)),
  )
  if (other !== undefined) await vault.remove(other)
}
