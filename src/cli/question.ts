import type { Command } from 'commander'
import { excuse } from '../fault.ts'
import { PurserError } from '../model/errors.ts'
import { DEFAULT_WORKSPACE, nameOf, type Target } from '../model/target.ts'
import type { Resolution } from '../resolver.ts'
import type { CliContext, Flags, Session } from './context.ts'
import { parsePlace } from './place.ts'
import { warn } from './terminal.ts'
import { workspaceOption } from './workspace.ts'

/** The flags of the commands that ask for a login. */
export interface QuestionFlags extends Flags {
  readonly push?: true
  readonly json?: true
}

/** Adds the argument and the flags with which a login is asked for. */
export function askingForLogin(command: Command): Command {
  return command
    .argument('<image|host>', 'an image as docker names it, or a registry')
    .option('--push', 'the login to push with, rather than to pull')
    .option('--request <file>', 'answer for this container request; - is stdin')
    .addOption(workspaceOption())
}

/** Reads the image or host that a command was given. @throws `host-invalid`, `reference-invalid` */
export function targetOf(text: string, { push }: QuestionFlags, workspace: string): Target {
  return { workspace, ...parsePlace(text), action: push ? 'push' : 'pull' }
}

/**
 * Finds the login, and goes on without one where `on_fault` says so; the person is told why.
 *
 * @throws the fault where it is not excused
 */
export async function findLogin(
  target: Target,
  session: Session,
  context: CliContext,
): Promise<Resolution | undefined> {
  const { signal } = context
  const resolver = await session.resolver()
  return resolver.resolve(target, signal).catch((fault) => excused(fault, target, session, context))
}

/**
 * Turns a fault that `on_fault` excuses into no login.
 *
 * @throws the fault where `on_fault` does not excuse it
 */
export async function excused(
  fault: unknown,
  target: Target,
  session: Session,
  context: CliContext,
): Promise<undefined> {
  context.signal.throwIfAborted()
  const onFault = await session.onFault(target)
  excuse(fault, { target, onFault, tell: (why) => warn(context, why) })
}

/** Nothing has a credential for this: what to do about it. */
export function notFound(target: Target): PurserError {
  const { host, workspace } = target
  const where = workspace === DEFAULT_WORKSPACE ? '' : ` --workspace ${workspace}`
  return new PurserError(
    'not-found',
    `no credential for ${nameOf(target)} in workspace ${workspace}`,
    { hint: `if it is not public, run: purser login ${host.name}${where}` },
  )
}
