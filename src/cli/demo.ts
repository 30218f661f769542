import type { Command } from 'commander'
import type { CliContext } from './context.ts'

const HELP = `
Examples:
  $ purser demo

It needs no account and no network, works in a directory of its own and removes it. Where docker,
skopeo or buildah are installed, they are the clients.`

/** Registers `purser demo`. */
export function addDemo(program: Command, context: CliContext): void {
  program
    .command('demo')
    .description('show it all at work, with two registries on this machine')
    .addHelpText('after', HELP)
    .action(async () => {
      const { runDemo } = await import('./demo/demo.ts')
      await runDemo(context)
    })
}
