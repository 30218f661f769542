import type { Command } from 'commander'
import { PurserError } from '../model/errors.ts'
import { type CliContext, type Flags, withSession } from './context.ts'
import { parseHostAndPrefix } from './place.ts'
import { say } from './terminal.ts'

const HELP = `
Examples:
  $ purser logout ghcr.io
  $ purser logout ghcr.io/acme`

/** Registers `purser logout`. */
export function addLogout(program: Command, context: CliContext): void {
  program
    .command('logout')
    .description('remove what the vault holds for a registry, or for just that part of it')
    .argument('<host[/prefix]>', 'as it was logged in to')
    .option('--workspace <workspace>', 'namespace of the vault')
    .addHelpText('after', HELP)
    .action((place: string, flags: Flags) => logout(place, flags, context))
}

async function logout(place: string, flags: Flags, context: CliContext): Promise<void> {
  const { host, prefix } = parseHostAndPrefix(place)
  await withSession(context, flags, async ({ workspace, vault: open }) => {
    const vault = await open()
    const entries = await vault.find(workspace, host, prefix)
    let removed = 0
    for (const entry of entries.filter((each) => each.prefix === prefix)) {
      if (await vault.remove(entry)) removed++
    }
    const name = prefix === '' ? host.name : `${host.name}/${prefix}`
    if (removed === 0) {
      throw new PurserError('not-found', `no entry for ${name} in workspace ${workspace}`, {
        hint: 'see what there is: purser list',
      })
    }
    const what = removed === 1 ? 'the entry' : `${removed} entries`
    say(context, `removed ${what} for ${name} from workspace ${workspace}`)
  })
}
