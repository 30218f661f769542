import type { Command } from 'commander'
import type { Status } from '../health/status.ts'
import { labelOf } from '../health/subject.ts'
import { type CliContext, withSession } from './context.ts'
import { ago, until } from './duration.ts'
import { renderJson, renderTable } from './terminal.ts'

const HELP = `
Examples:
  $ purser status
  $ purser status --json | jq -r '.health.entries[] | select(.state != "valid") | .host'

Exit codes: 0 there is an agent, 5 there is none`

/** Registers `purser status`. */
export function addStatus(program: Command, context: CliContext): void {
  program
    .command('status')
    .description('tell how the agent is: its logins, the health of entries, rate limits')
    .option('--json', 'an object of statusVersion, version, pid, startedAt, logins, health, …')
    .addHelpText('after', HELP)
    .action((flags: { readonly json?: true }) => status(flags, context))
}

async function status({ json }: { readonly json?: true }, context: CliContext): Promise<void> {
  await withSession(context, {}, async (session) => {
    const told = await session.status(context.signal)
    context.writeOut(json ? renderJson(told) : render(told, context.now()))
  })
}

function render(status: Status, now: number): string {
  const { logins, health, rateLimits, leases } = status
  const parts = [
    renderTable([
      [
        'agent',
        `purser ${status.version}, process ${status.pid}, up ${ago(status.startedAt, now)}`,
      ],
      ['workspace', status.workspace],
      ['proxy', status.listening.join(', ')],
      ['logins', describeLogins(logins, now)],
      ['health', describeHealth(health)],
      ...(leases.length === 0 ? [] : [['leases', String(leases.length)]]),
    ]),
  ]
  if (health.entries.length > 0) {
    const rows = health.entries.map((entry) => [
      `${entry.host}${entry.prefix === '' ? '' : `/${entry.prefix}`}`,
      labelOf(entry),
      entry.state,
      ago(entry.since, now),
      `${ago(entry.checkedAt, now)} ago`,
      entry.hint === null ? entry.reason : `${entry.reason} (${entry.hint})`,
    ])
    parts.push(renderTable([['REGISTRY', 'NAME', 'STATE', 'FOR', 'CHECKED', 'REASON'], ...rows]))
  }
  if (rateLimits.length > 0) {
    const rows = rateLimits.map(({ host, remaining, limit, windowSeconds, seenAt }) => [
      host,
      remaining === null ? '?' : String(remaining),
      limit === null ? '?' : String(limit),
      windowSeconds === null ? '' : `${windowSeconds / 3600} h`,
      `${ago(seenAt, now)} ago`,
    ])
    parts.push(renderTable([['UPSTREAM', 'PULLS LEFT', 'OF', 'IN', 'SEEN'], ...rows]))
  }
  const ending = leases.flatMap(({ id, workspace, minted }) =>
    minted
      .filter(({ renewable }) => !renewable)
      .map(({ host, expiresAt }) => [
        id,
        workspace,
        host,
        expiresAt === null ? 'not known' : until(expiresAt, now),
      ]),
  )
  if (ending.length > 0) {
    parts.push(renderTable([['LEASE', 'WORKSPACE', 'CREDENTIAL FOR', 'ENDS'], ...ending]))
  }
  return parts.join('\n')
}

function describeLogins({ cached, nextExpiry, renewed, failed }: Status['logins'], now: number) {
  const next = nextExpiry === null ? '' : `, the next one ends ${until(nextExpiry, now)}`
  return `${cached} cached${next}; ${renewed} renewed ahead, ${failed} in vain`
}

function describeHealth({ intervalSeconds, entries }: Status['health']): string {
  if (intervalSeconds === null) return 'not checked; see [health] interval_minutes'
  const bad = entries.filter(({ state }) => state !== 'valid').length
  const every = `every ${intervalSeconds / 60} min`
  const all = entries.length === 1 ? '1 entry' : `${entries.length} entries`
  return `${all} checked ${every}, ${bad} of them not valid`
}
