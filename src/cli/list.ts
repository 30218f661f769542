import type { Command } from 'commander'
import { identityNamedBy } from '../model/credential.ts'
import { usernameOf } from '../registries/static-login.ts'
import { type Entry, placeOf } from '../vault/vault.ts'
import { type CliContext, type Flags, withSession } from './context.ts'
import { renderJson, renderTable, say } from './terminal.ts'
import { workspaceOption } from './workspace.ts'

interface ListFlags extends Flags {
  readonly json?: true
}

const HELP = `
Examples:
  $ purser list
  $ purser list --json | jq -r '.[].host'`

/** Registers `purser list`. */
export function addList(program: Command, context: CliContext): void {
  program
    .command('list')
    .description('list the entries of the vault, without their secrets')
    .addOption(workspaceOption())
    .option('--json', 'an array of host, prefix, name, kind, username, identity, updatedAt')
    .addHelpText('after', HELP)
    .action((flags: ListFlags) => list(flags, context))
}

async function list({ json, ...flags }: ListFlags, context: CliContext): Promise<void> {
  await withSession(context, flags, async ({ workspace, vault: open }) => {
    const entries = await (await open()).list(workspace)
    if (json) return context.writeOut(renderJson(entries.map(describe)))
    if (entries.length === 0) return say(context, `no entries in workspace ${workspace}`)
    context.writeOut(
      renderTable([
        ['REGISTRY', 'NAME', 'KIND', 'USER OR IDENTITY', 'UPDATED'],
        ...entries.map(rowOf),
      ]),
    )
  })
}

function describe({ host, prefix, name, credential, updatedAt }: Entry) {
  const { kind } = credential
  return {
    host: host.name,
    prefix,
    name,
    kind,
    username: usernameOf(credential),
    identity: identityNamedBy(credential) ?? null,
    updatedAt: updatedAt.toISOString(),
  }
}

function rowOf(entry: Entry): readonly string[] {
  const { name, kind, username, identity, updatedAt } = describe(entry)
  return [placeOf(entry), name, kind, identity ?? username, updatedAt.replace(/\.\d+Z$/, 'Z')]
}
