import type { Command } from 'commander'
import type { UpstreamConfig } from '../config/config.ts'
import { needsExchange } from '../model/credential.ts'
import { describeError } from '../model/errors.ts'
import { nameOf, type Target } from '../model/target.ts'
import { registryOf } from '../registries/all.ts'
import type { Resolution } from '../resolver.ts'
import { type Step, traceSources } from '../trace.ts'
import { type CliContext, type Session, withSession } from './context.ts'
import { askingForLogin, excused, notFound, type QuestionFlags, targetOf } from './question.ts'
import { renderJson, renderTable } from './terminal.ts'

const HELP = `
Examples:
  $ purser explain ghcr.io/acme/app
  $ purser explain 123456789012.dkr.ecr.us-east-1.amazonaws.com --json

It asks the sources in this process, as the helper does without an agent, and prints no secret.`

/** Registers `purser explain`. */
export function addExplain(program: Command, context: CliContext): void {
  askingForLogin(program.command('explain'))
    .description('tell which source has the login for an image or a registry, and why')
    .option('--json', 'an object of target, registry, sources, login, error, onFault')
    .addHelpText('after', HELP)
    .action((text: string, flags: QuestionFlags) => explain(text, flags, context))
}

async function explain(text: string, flags: QuestionFlags, context: CliContext): Promise<void> {
  await withSession(context, flags, async (session) => {
    const target = targetOf(text, flags, session.workspace)
    const steps = await traceSources(await session.sources(), target, context.signal)
    const outcome = await tryLogin(session, target, context.signal)
    const explanation: Explanation = {
      target,
      registry: registryOf(await session.registries(), target.host).name,
      steps,
      onFault: await session.onFault(target),
      ...outcome,
    }
    context.writeOut(flags.json ? renderJson(toJson(explanation)) : render(explanation))
    if (outcome.error !== undefined) await excused(outcome.error, target, session, context)
    if (outcome.resolution === undefined) throw notFound(target)
  })
}

interface Outcome {
  readonly resolution?: Resolution | undefined
  readonly error?: unknown
}

interface Explanation extends Outcome {
  readonly target: Target
  readonly registry: string
  readonly steps: readonly Step[]
  readonly onFault: UpstreamConfig['onFault']
}

/** Goes the whole way, exchange included: a key that a cloud refuses is found, and yet no login. */
async function tryLogin(session: Session, target: Target, signal: AbortSignal): Promise<Outcome> {
  try {
    return { resolution: await (await session.ownResolver()).resolve(target, signal) }
  } catch (error) {
    signal.throwIfAborted()
    return { error }
  }
}

function render({ target, registry, steps, onFault, resolution, error }: Explanation): string {
  const action = target.action === 'push' ? 'push' : 'pull'
  const isExcused = onFault === 'anonymous' && target.action === 'pull'
  return [
    `${nameOf(target)}, to ${action}, in workspace ${target.workspace}\n\n`,
    renderTable([
      ...steps.map((step) => [step.source, describeStep(step)]),
      ['', ''],
      ['registry', registry],
      ['login', error === undefined ? describeLogin(resolution, steps) : describeError(error)],
      ...(isExcused
        ? [['on_fault', 'anonymous: a login that cannot be used is done without']]
        : []),
    ]),
  ].join('')
}

function describeStep(step: Step): string {
  switch (step.outcome) {
    case 'nothing':
      return step.why === undefined ? step.outcome : `nothing: ${step.why}`
    case 'not asked':
      return step.outcome
    case 'found':
      return `found ${step.from}, of kind ${step.kind}`
    case 'fault':
      return `fault: ${describeError(step.error)}`
  }
}

function describeLogin(resolution: Resolution | undefined, steps: readonly Step[]): string {
  if (resolution === undefined) return 'none'
  const { username, expiresAt } = resolution.login
  const how = isExchanged(steps) ? 'exchanged for this registry' : 'as it is, without an exchange'
  const end = expiresAt === undefined ? 'no known end' : `until ${expiresAt.toISOString()}`
  return `${username}, ${how}, ${end}`
}

function isExchanged(steps: readonly Step[]): boolean {
  return steps.some((step) => step.outcome === 'found' && needsExchange(step))
}

function toJson({ target, registry, steps, onFault, resolution, error }: Explanation) {
  const { workspace, host, repository, action } = target
  return {
    target: { workspace, host: host.name, repository: repository ?? null, action },
    registry,
    sources: steps.map((step) =>
      step.outcome === 'fault'
        ? { source: step.source, outcome: step.outcome, error: describeError(step.error) }
        : step,
    ),
    login: resolution === undefined ? null : loginToJson(resolution, steps),
    error: error === undefined ? null : describeError(error),
    onFault,
  }
}

function loginToJson({ login: { username, expiresAt } }: Resolution, steps: readonly Step[]) {
  return {
    username,
    exchanged: isExchanged(steps),
    expiresAt: expiresAt?.toISOString() ?? null,
  }
}
