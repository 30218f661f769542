import type { Command } from 'commander'
import { type Copied, copyVault } from '../vault/copy.ts'
import type { Store } from '../vault/store.ts'
import { type CliContext, type Flags, type Session, withSession } from './context.ts'
import { type Progress, startProgress } from './progress.ts'
import { renderJson, say } from './terminal.ts'

interface CopyFlags extends Flags {
  readonly fromKey?: string
  readonly toKey?: string
  readonly fromPassword?: string
  readonly toPassword?: string
  readonly overwrite?: true
  readonly json?: true
}

const OVERVIEW = `
Examples:
  $ purser vault copy sqlite:default postgres://purser@db.corp.example/purser`

const HELP = `
Examples:
  $ purser vault copy sqlite:default postgres://purser@db.corp.example/purser
  $ purser vault copy sqlite:old.db sqlite:default --from-key file:old.key
  $ purser vault copy postgres://purser@db.corp.example/purser sqlite:backup.db --json

Every record is sealed anew with the key of where it goes, all of them in one transaction: killed half-way,
nothing has changed there. Keys and passwords are named as in the configuration, which says them otherwise.`

/** Registers `purser vault copy`. */
export function addVault(program: Command, context: CliContext): void {
  program
    .command('vault')
    .description('take the vault to another place')
    .helpCommand(false)
    .addHelpText('after', OVERVIEW)
    .command('copy')
    .description('copy all entries and links of a vault to another one')
    .argument('<from>', 'sqlite:PATH, sqlite:default or postgres://USER@HOST/DATABASE')
    .argument('<to>', 'the same; it is made if it is not there')
    .option('--from-key <source>', "where the first vault's key is, if not where [vault] key says")
    .option('--to-key <source>', "where the second vault's key is, or is to be")
    .option('--from-password <source>', "where its database's password is: file:, env: or systemd:")
    .option('--to-password <source>', 'the same of the second one')
    .option('--overwrite', 'replace all that is in the second vault')
    .option('--json', 'an object of from, to, entries, links')
    .addHelpText('after', HELP)
    .action((from: string, to: string, flags: CopyFlags) => copy(from, to, flags, context))
}

async function copy(from: string, to: string, flags: CopyFlags, context: CliContext) {
  await withSession(context, flags, async (session) => {
    const { fromKey, toKey, fromPassword, toPassword } = flags
    const source = { url: from, key: fromKey, password: fromPassword }
    await withStore(session, source, (first) =>
      withStore(session, { url: to, key: toKey, password: toPassword }, async (second) => {
        const archives = { from: await first.archive(), to: await second.archive() }
        const copied = await copyWatched(archives, flags.overwrite ?? false, context)
        const names = { from: archives.from.name, to: archives.to.name }
        if (flags.json) return context.writeOut(renderJson({ ...names, ...copied }))
        say(context, `copied ${summary(copied)} to ${names.to}`)
      }),
    )
  })
}

async function copyWatched(
  archives: Pick<Parameters<typeof copyVault>[0], 'from' | 'to'>,
  overwrite: boolean,
  context: CliContext,
): Promise<Copied> {
  let progress: Progress | undefined
  try {
    return await copyVault({
      ...archives,
      overwrite,
      begin(total) {
        progress = startProgress(context, 'copying', total)
      },
      advance: (count) => progress?.advance(count),
    })
  } finally {
    progress?.end()
  }
}

async function withStore<T>(
  session: Session,
  where: Parameters<Session['storeAt']>[0],
  work: (store: Store) => Promise<T>,
): Promise<T> {
  const store = await session.storeAt(where)
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

function summary({ entries, links }: Copied): string {
  const copied = entries === 1 ? '1 entry' : `${entries} entries`
  const linked = links === 1 ? '1 link' : `${links} links`
  return links === 0 ? copied : `${copied} and ${linked}`
}
