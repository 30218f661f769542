import type { Command } from 'commander'
import { faultOf } from '../fault.ts'
import { PurserError } from '../model/errors.ts'
import type { Secret } from '../model/secret.ts'
import { nameOf, type Target } from '../model/target.ts'
import { type CliContext, type Session, withSession } from './context.ts'
import { excused, findLogin, type QuestionFlags, targetOf } from './question.ts'
import { workspaceOption } from './workspace.ts'

interface TokenFlags extends QuestionFlags {
  readonly header?: true
}

const HELP = `
Examples:
  $ purser token ghcr.io/acme/app
  $ curl -H "$(purser token --header alpine)" https://registry-1.docker.io/v2/library/alpine/tags/list

Without a credential it is the token that anybody gets: public images need one too.`

/** Registers `purser token`. */
export function addToken(program: Command, context: CliContext): void {
  program
    .command('token')
    .description('print a bearer token for one repository')
    .argument('<image>', 'an image as docker names it')
    .option('--push', 'a token to push with, rather than to pull')
    .option('--header', 'print the whole Authorization header, of whatever kind it is')
    .addOption(workspaceOption())
    .addHelpText('after', HELP)
    .action((image: string, flags: TokenFlags) => token(image, flags, context))
}

async function token(image: string, flags: TokenFlags, context: CliContext): Promise<void> {
  await withSession(context, flags, async (session) => {
    const target = targetOf(image, flags, session.workspace)
    if (target.repository === undefined) {
      throw new PurserError(
        'usage',
        `${target.host.name} is a registry, and tokens are for images`,
        {
          hint: `name a repository of it: ${target.host.name}/acme/app`,
        },
      )
    }
    const header = await authorize(target, session, context)
    if (header === undefined) {
      throw new PurserError('not-found', `${nameOf(target)} is open: it takes no token`)
    }
    context.writeOut(`${render(header.reveal(), target.host.name, flags)}\n`)
  })
}

/** With the login that there is; without, where `on_fault` says so of one that is not taken. */
async function authorize(
  target: Target,
  session: Session,
  context: CliContext,
): Promise<Secret | undefined> {
  const { signal } = context
  const resolution = await findLogin(target, session, context)
  if (resolution !== undefined) {
    const { login, from } = resolution
    try {
      return await session.authorize(target, login, signal)
    } catch (error) {
      await excused(faultOf(target, from, error), target, session, context)
    }
  }
  return session.authorize(target, undefined, signal)
}

function render(header: string, host: string, flags: TokenFlags): string {
  if (flags.header) return `Authorization: ${header}`
  const bearer = /^bearer (.+)$/i.exec(header)?.[1]
  if (bearer !== undefined) return bearer
  throw new PurserError('not-found', `${host} takes a user name and password, not a token`, {
    hint: 'print what it takes with --header',
  })
}
