import { chooseEntry } from '../vault/spelling.ts'
import type { Entry, Vault } from '../vault/vault.ts'
import type { Source } from './source.ts'

/**
 * The vault as a source: the entry of the longest prefix of the repository.
 *
 * @param open - called by the first question
 */
export function vaultSource(open: () => Promise<Vault>): Source {
  return {
    name: 'vault',
    async find({ workspace, host, repository, entry: name }) {
      const vault = await open()
      const entry = chooseEntry(await vault.find(workspace, host, repository), name)
      return entry && { credential: entry.credential, from: nameEntry(entry) }
    },
  }
}

function nameEntry({ workspace, host, prefix, name }: Entry): string {
  const place = prefix === '' ? host.name : `${host.name}/${prefix}`
  return `entry ${name} for ${place} of workspace ${workspace}`
}
