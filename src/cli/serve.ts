import { type Command, Option } from 'commander'
import { PurserError } from '../model/errors.ts'
import type { CliContext, ServeFlags } from './context.ts'
import { workspaceOption } from './workspace.ts'

const HELP = `
Examples:
  $ purser serve
  $ purser serve --listen 127.0.0.1:5000 --listen '[::1]:5000'
  $ purser serve --request - < request.json

Then, in another terminal:
  $ docker pull localhost:5000/ghcr.io/acme/app

A hangup (kill -HUP) has it read its configuration anew. One that is to stop lets transfers go on for a while; a second
signal ends them.`

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
    .addOption(
      new Option('--drain <seconds>', 'how long transfers may go on after a signal')
        .argParser(parseSeconds)
        .default(undefined, "the configuration's, else 10"),
    )
    .option('--config <file>', 'read the configuration from here')
    .option('--request <file>', 'answer for this container request before the vault; - is stdin')
    .addOption(workspaceOption())
    .addHelpText('after', HELP)
    .action((flags: ServeFlags) => context.serve(flags))
}

function parseSeconds(text: string): number {
  if (/^[0-9]{1,5}$/.test(text)) return Number(text)
  throw new PurserError('usage', '--drain is in seconds, from 0 to 99999')
}

function collect(value: string, previous: readonly string[]): readonly string[] {
  return [...previous, value]
}
