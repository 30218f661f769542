import { type Command, Option } from 'commander'
import type { CliContext, ServeFlags } from './context.ts'
import { workspaceOption } from './workspace.ts'

const HELP = `
Examples:
  $ purser serve
  $ purser serve --listen 127.0.0.1:5000 --listen '[::1]:5000'
  $ purser serve --request - < request.json

Then, in another terminal:
  $ docker pull localhost:5000/ghcr.io/acme/app`

/** Registers `purser serve`. */
export function addServe(program: Command, context: CliContext): void {
  program
    .command('serve')
    .description('run the registry proxy and the agent that the helper asks')
    .addOption(
      new Option('--listen <address:port>', 'listen here; repeatable')
        .argParser(collect)
        .default([], "the configuration's, else 127.0.0.1:5000"),
    )
    .option('--config <file>', 'read the configuration from here')
    .option('--request <file>', 'serve this container request alone; - is stdin')
    .addOption(workspaceOption())
    .addHelpText('after', HELP)
    .action((flags: ServeFlags) => context.serve(flags))
}

function collect(value: string, previous: readonly string[]): readonly string[] {
  return [...previous, value]
}
