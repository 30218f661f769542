import type { Command } from 'commander'
import { PurserError } from '../model/errors.ts'
import { placeOf } from '../vault/vault.ts'
import { type CliContext, type Flags, withSession } from './context.ts'
import { parseHostAndPrefix } from './place.ts'
import { say } from './terminal.ts'
import { workspaceOption } from './workspace.ts'

interface LogoutFlags extends Flags {
  readonly name?: string
}

const HELP = `
Examples:
  $ purser logout ghcr.io
  $ purser logout ghcr.io/acme
  $ purser logout ghcr.io --name ci`

/** Registers `purser logout`. */
export function addLogout(program: Command, context: CliContext): void {
  program
    .command('logout')
    .description('remove what the vault holds for a registry, or for just that part of it')
    .argument('<host[/prefix]>', 'as it was logged in to')
    .addOption(workspaceOption())
    .option('--name <name>', 'remove the entry of this name alone')
    .addHelpText('after', HELP)
    .action((text: string, flags: LogoutFlags) => logout(text, flags, context))
}

async function logout(text: string, flags: LogoutFlags, context: CliContext): Promise<void> {
  const { host, prefix } = parseHostAndPrefix(text)
  await withSession(context, flags, async ({ workspace, vault: open }) => {
    const vault = await open()
    const entries = await vault.find(workspace, host, prefix)
    let removed = 0
    for (const entry of entries) {
      const meant = entry.prefix === prefix && (flags.name ?? entry.name) === entry.name
      if (meant && (await vault.remove(entry))) removed++
    }
    const place = placeOf({ host, prefix })
    if (removed === 0) {
      throw new PurserError('not-found', `no entry for ${place} in workspace ${workspace}`, {
        hint: 'see what there is: purser list',
      })
    }
    const what = removed === 1 ? 'the entry' : `${removed} entries`
    say(context, `removed ${what} for ${place} from workspace ${workspace}`)
  })
}
