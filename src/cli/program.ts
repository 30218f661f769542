import { Command, CommanderError } from 'commander'
import { addAttach } from './attach.ts'
import { addCheck } from './check.ts'
import type { CliContext } from './context.ts'
import { addDemo } from './demo.ts'
import { addExplain } from './explain.ts'
import { addGet } from './get.ts'
import { addImage } from './image.ts'
import { addKey } from './key.ts'
import { addList } from './list.ts'
import { addLogin } from './login.ts'
import { addLogout } from './logout.ts'
import { readMisuse } from './misuse.ts'
import { addRun } from './run.ts'
import { addServe } from './serve.ts'
import { addStatus } from './status.ts'
import { complain, reportError } from './terminal.ts'
import { addToken } from './token.ts'
import { addVault } from './vault.ts'

const HELP = `
Examples:
  $ purser login ghcr.io --username octocat --password-stdin < token
  $ purser get ghcr.io/acme/app
  $ purser serve

docker, buildah, skopeo and podman ask docker-credential-purser, which asks the same sources.

Exit codes: 0 done, 1 failed, 2 misuse, 3 no credential, 4 login needed, 5 agent not reachable`

/** Makes the command line of `purser`. */
function createProgram(
  args: readonly string[],
  context: CliContext,
  exit: (code: number) => void,
): Command {
  const program = new Command('purser')
    .description('the right registry login, from an encrypted vault or a container request')
    .version(`purser ${context.version}`, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('after', HELP)
    .exitOverride()
    // What stands behind the command's own arguments is the other command's.
    .enablePositionalOptions()
    .configureOutput({
      writeOut: context.writeOut,
      writeErr: context.writeError,
      outputError(text) {
        const { message, hint } = readMisuse(text, nameOf(program, args))
        complain(context, message, hint)
      },
    })
  addLogin(program, context)
  addLogout(program, context)
  addList(program, context)
  addGet(program, context)
  addExplain(program, context)
  addToken(program, context)
  addCheck(program, context)
  addServe(program, context)
  addRun(program, context, exit)
  addAttach(program, context)
  addImage(program, context)
  addStatus(program, context)
  addKey(program, context)
  addVault(program, context)
  addDemo(program, context)
  return program
}

/** The command that was meant, as in `purser image link`. */
function nameOf(command: Command, [first, ...others]: readonly string[]): string {
  const next = command.commands.find((each) => each.name() === first)
  return next === undefined ? command.name() : `${command.name()} ${nameOf(next, others)}`
}

/** Runs one command. @returns the exit code */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  let code = 0
  const exit = (given: number) => {
    code = given
  }
  try {
    await createProgram(args, context, exit).parseAsync(args, { from: 'user' })
    return code
  } catch (error) {
    // It has said what there was to say; help and version are no errors.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    // Who stopped it knows why; the program ends with the signal's own exit code.
    if (context.signal.aborted) return 1
    return reportError(context, error)
  }
}
