import { type Command, Option } from 'commander'
import { forEachFew } from '../health/concurrency.ts'
import { labelOf, type Subject, subjectsAt } from '../health/subject.ts'
import type { Verdict } from '../health/verdict.ts'
import { PurserError } from '../model/errors.ts'
import { placeOf } from '../vault/vault.ts'
import { type CliContext, type Flags, withSession } from './context.ts'
import { until } from './duration.ts'
import { parseHostAndPrefix } from './place.ts'
import { startProgress } from './progress.ts'
import { renderJson, renderTable } from './terminal.ts'
import { workspaceOption } from './workspace.ts'

interface CheckFlags extends Flags {
  readonly json?: true
  /** In seconds. */
  readonly timeout: number
}

/** A check and what came of it. */
interface Checked {
  readonly subject: Subject
  readonly verdict: Verdict
  readonly checkedAt: Date
}

/** Registries are many and each is asked three times; more at once would look like a herd. */
const AT_ONCE = 8

const DEFAULT_TIMEOUT_S = 30
/** Longer than any service that answers at all. */
const MAX_TIMEOUT_S = 600

const HELP = `
Examples:
  $ purser check
  $ purser check ghcr.io docker.io/acme
  $ purser check --json | jq -r '.[] | select(.state != "valid") | .host'

Each entry logs in for real: its cloud is asked for a login where it takes one, then the registry.
  valid        the registry took it
  expired      it had an end, which is past
  refused      the registry, its token service or the cloud said no
  unreachable  nobody answered, or with 429 or 5xx: it may be good

Exit codes: 0 all are valid, 1 some are not, 3 there is nothing to check`

/** Registers `purser check`. */
export function addCheck(program: Command, context: CliContext): void {
  program
    .command('check')
    .description('log in with each entry, and tell which ones still get in')
    .argument('[host/prefix...]', 'registries, or parts of them; default: all entries')
    .option('--json', 'an array of host, prefix, name, state, expiresAt, reason, hint, …')
    .addOption(
      new Option('--timeout <seconds>', 'how long one entry may take')
        .argParser(parseTimeout)
        .default(DEFAULT_TIMEOUT_S),
    )
    .addOption(workspaceOption())
    .addHelpText('after', HELP)
    .action((places: readonly string[], flags: CheckFlags) => check(places, flags, context))
}

async function check(
  places: readonly string[],
  { json, timeout, ...flags }: CheckFlags,
  context: CliContext,
): Promise<void> {
  await withSession(context, flags, async (session) => {
    const all = await session.subjects()
    const subjects = places.length === 0 ? all : pick(all, places, session.workspace)
    if (subjects.length === 0) {
      throw new PurserError('not-found', `no entries in workspace ${session.workspace}`, {
        hint: 'make one: purser login ghcr.io',
      })
    }
    const checker = await session.checker(timeout * 1000)
    const progress = startProgress(context, 'checking', subjects.length)
    const checked = new Map<Subject, Checked>()
    try {
      await forEachFew(subjects, AT_ONCE, async (subject) => {
        const verdict = await checker.check(subject, context.signal)
        checked.set(subject, { subject, verdict, checkedAt: new Date(context.now()) })
        progress.advance()
      })
    } finally {
      progress.end()
    }
    const rows = subjects.flatMap((subject) => checked.get(subject) ?? [])
    context.writeOut(json ? renderJson(rows.map(describe)) : render(rows, context.now()))
    const bad = rows.filter(({ verdict }) => verdict.state !== 'valid').length
    if (bad > 0) throw new PurserError('exchange-failed', count(bad, rows.length))
  })
}

function pick(
  all: readonly Subject[],
  places: readonly string[],
  workspace: string,
): readonly Subject[] {
  const picked = places.flatMap((text) => {
    const place = parseHostAndPrefix(text)
    const found = subjectsAt(all, place)
    if (found.length > 0) return found
    throw new PurserError('not-found', `no entry for ${placeOf(place)} in workspace ${workspace}`, {
      hint: 'purser list shows what there is',
    })
  })
  return [...new Set(picked)]
}

function count(bad: number, all: number): string {
  const what = all === 1 ? 'the entry is' : `${bad} of ${all} entries ${bad === 1 ? 'is' : 'are'}`
  return `${what} not valid`
}

function describe({ subject, verdict, checkedAt }: Checked) {
  const { workspace, host, prefix, name, source, credential } = subject
  const failed = verdict.state === 'valid' ? undefined : verdict
  return {
    workspace,
    host: host.name,
    prefix,
    name,
    source,
    kind: credential.kind,
    state: verdict.state,
    expiresAt: verdict.expiresAt?.toISOString() ?? null,
    reason: verdict.reason,
    hint: failed?.hint ?? null,
    status: failed?.status ?? null,
    checkedAt: checkedAt.toISOString(),
  }
}

function render(rows: readonly Checked[], now: number): string {
  return renderTable([
    ['REGISTRY', 'NAME', 'STATE', 'EXPIRES', 'REASON'],
    ...rows.map(({ subject, verdict: { state, expiresAt, reason, ...rest } }) => [
      placeOf(subject),
      labelOf(subject),
      state,
      expiresAt === undefined ? '' : until(expiresAt, now),
      'hint' in rest && rest.hint !== undefined ? `${reason} (${rest.hint})` : reason,
    ]),
  ])
}

function parseTimeout(text: string): number {
  const seconds = /^[0-9]{1,3}$/.test(text) ? Number(text) : 0
  if (seconds >= 1 && seconds <= MAX_TIMEOUT_S) return seconds
  throw new PurserError('usage', `--timeout is in seconds, from 1 to ${MAX_TIMEOUT_S}`)
}
