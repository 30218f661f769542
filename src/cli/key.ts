import type { Command } from 'commander'
import { PurserError } from '../model/errors.ts'
import { formatKeyring, generateKey } from '../vault/key.ts'
import type { KeyInfo } from '../vault/key-info.ts'
import { type CliContext, withSession } from './context.ts'
import { renderTable, say } from './terminal.ts'

const HELP = `
Examples:
  $ purser key init       makes the key, if there is none
  $ purser key show       tells its id and where it is kept
  $ purser key rotate     seals all entries with a new key
  $ purser key generate | age -e -r RECIPIENT > key.age    makes a key for elsewhere: a key service, a fleet

No other of them prints a key. Keep a copy of it: without it, nobody can read the vault.`

/** Registers `purser key init|rotate|generate|show`. */
export function addKey(program: Command, context: CliContext): void {
  const key = program
    .command('key')
    .description("make, show or change the vault's key")
    .helpCommand(false)
    .addHelpText('after', HELP)
  key
    .command('init')
    .description('make a key, unless there is one')
    .action(() => init(context))
  key
    .command('rotate')
    .description('seal all entries with a new key, and forget the old one')
    .action(() => rotate(context))
  key
    .command('generate')
    .description('print a new key, which is used for nothing yet')
    .action(() => generate(context))
  key
    .command('show')
    .description("print the key's id and where it is kept")
    .action(() => show(context))
}

async function init(context: CliContext): Promise<void> {
  await withSession(context, {}, async ({ keeper }) => {
    const { created, ...info } = await (await keeper()).init()
    context.writeOut(render(info))
    say(context, created ? 'made a new key: keep a copy of it' : 'there was a key already')
  })
}

async function rotate(context: CliContext): Promise<void> {
  await withSession(context, {}, async ({ keeper, forgetLogins }) => {
    const { entries, ...info } = await (await keeper()).rotate()
    await forgetLogins()
    context.writeOut(render(info))
    const sealed = entries === 1 ? '1 entry' : `${entries} entries`
    say(context, `sealed ${sealed} with a new key; the old one opens nothing any more`)
  })
}

/** Whoever looks over a shoulder, or scrolls back, would have it. */
function generate({ writeOut, stdoutIsTerminal }: CliContext): void {
  if (stdoutIsTerminal()) {
    throw new PurserError('usage', 'a key is not for the screen', {
      hint: 'write > FILE behind it, or | and the program that is to keep it',
    })
  }
  writeOut(formatKeyring([generateKey()]))
}

async function show(context: CliContext): Promise<void> {
  await withSession(context, {}, async ({ keeper }) => {
    context.writeOut(render(await (await keeper()).show()))
  })
}

function render({ keyId, source }: KeyInfo): string {
  return renderTable([
    ['key', keyId],
    ['kept in', source],
  ])
}
