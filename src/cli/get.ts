import type { Command } from 'commander'
import type { Resolution } from '../resolver.ts'
import { type CliContext, withSession } from './context.ts'
import { askingForLogin, findLogin, notFound, type QuestionFlags, targetOf } from './question.ts'
import { renderJson, renderTable } from './terminal.ts'

const HELP = `
Examples:
  $ purser get ghcr.io/acme/app
  $ purser get ghcr.io --json | jq -r .secret | crane auth login ghcr.io -u "$USER" --password-stdin
  $ purser get ghcr.io/acme/app --request request.json`

/** Registers `purser get`. */
export function addGet(program: Command, context: CliContext): void {
  askingForLogin(program.command('get'))
    .description('print the login for an image or a registry, with its secret')
    .option('--json', 'an object of host, username, secret, expiresAt, source, registry')
    .addHelpText('after', HELP)
    .action((text: string, flags: QuestionFlags) => get(text, flags, context))
}

async function get(text: string, flags: QuestionFlags, context: CliContext): Promise<void> {
  await withSession(context, flags, async (session) => {
    const target = targetOf(text, flags, session.workspace)
    const resolution = await findLogin(target, session, context)
    if (resolution === undefined) throw notFound(target)
    const login = describe(target.host.name, resolution)
    context.writeOut(flags.json ? renderJson(login) : render(login))
  })
}

function render(login: ReturnType<typeof describe>): string {
  const { secret, expiresAt } = login
  // A table has one line for it, and half a secret would be copied as a whole one.
  const shown = /\p{Cc}/u.test(secret) ? '(has several lines: ask with --json)' : secret
  return renderTable(
    Object.entries({ ...login, secret: shown, expiresAt: expiresAt ?? 'not known' }),
  )
}

/** Here the secret leaves for the terminal, or for the program behind the pipe. */
function describe(host: string, { login, source, registry }: Resolution) {
  return {
    host,
    username: login.username,
    secret: login.secret.reveal(),
    expiresAt: login.expiresAt?.toISOString() ?? null,
    source,
    registry,
  }
}
