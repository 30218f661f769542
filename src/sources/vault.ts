import { chooseEntry } from '../vault/spelling.ts'
import { type Entry, placeOf, type Vault } from '../vault/vault.ts'
import type { Source } from './source.ts'

/**
 * The vault as a source: the entry of the longest prefix of the repository.
 *
 * @param open - called by the first question
 */
export function vaultSource(open: () => Promise<Vault>): Source {
  let vault: Vault | undefined
  return {
    name: 'vault',
    revision: () => vault?.revision?.(),
    async find({ workspace, host, repository, entry: name }) {
      vault = await open()
      const entry = chooseEntry(await vault.find(workspace, host, repository), name)
      return entry && { credential: entry.credential, from: nameEntry(entry) }
    },
  }
}

function nameEntry(entry: Entry): string {
  return `entry ${entry.name} for ${placeOf(entry)} of workspace ${entry.workspace}`
}
