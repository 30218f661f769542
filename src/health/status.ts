import * as v from 'valibot'
import { PurserError } from '../model/errors.ts'
import type { RateLimit } from '../observe/rate-limits.ts'
import { describeLease, type LeaseOutlook, leaseStatus } from './lease-outlook.ts'
import type { Standing } from './monitor.ts'
import { HEALTH_STATES } from './verdict.ts'

/** Goes up when a field changes its meaning or goes away; a new field leaves it as it is. */
const STATUS_VERSION = 1

const time = v.pipe(v.string(), v.isoTimestamp())
const count = v.pipe(v.number(), v.minValue(0))

const health = v.object({
  workspace: v.string(),
  host: v.string(),
  prefix: v.string(),
  name: v.string(),
  source: v.picklist(['vault', 'identity']),
  state: v.picklist(HEALTH_STATES),
  since: time,
  checkedAt: time,
  expiresAt: v.nullable(time),
  reason: v.string(),
  hint: v.nullable(v.string()),
})

const rateLimit = v.object({
  host: v.string(),
  limit: v.nullable(count),
  remaining: v.nullable(count),
  windowSeconds: v.nullable(count),
  seenAt: time,
  retryAt: v.nullable(time),
})

const status = v.object({
  statusVersion: v.literal(STATUS_VERSION),
  version: v.string(),
  pid: count,
  startedAt: time,
  workspace: v.string(),
  listening: v.array(v.string()),
  logins: v.object({
    /** Kept that a cloud has given. */
    cached: count,
    nextExpiry: v.nullable(time),
    renewed: count,
    failed: count,
  }),
  health: v.object({
    /** `null` if nothing is checked. */
    intervalSeconds: v.nullable(count),
    entries: v.array(health),
  }),
  rateLimits: v.array(rateLimit),
  /** Absent in what an agent of before told. */
  leases: v.optional(v.array(leaseStatus), []),
})

/** How an agent is, as `GET /v1/status` tells and `purser status --json` prints. */
export type Status = v.InferOutput<typeof status>

/** What a status is made of. */
export interface StatusParts extends Pick<Status, 'version' | 'pid' | 'workspace'> {
  readonly listening: readonly string[]
  readonly startedAt: Date
  readonly logins: {
    readonly kept: number
    readonly nextExpiry: Date | undefined
    readonly renewed: number
    readonly failed: number
  }
  readonly intervalMs: number | undefined
  readonly standings: readonly Standing[]
  readonly rateLimits: readonly RateLimit[]
  readonly leases: readonly LeaseOutlook[]
}

/** Puts a status together. */
export function composeStatus(parts: StatusParts): Status {
  const { version, pid, startedAt, workspace, listening, logins, intervalMs } = parts
  return {
    statusVersion: STATUS_VERSION,
    version,
    pid,
    startedAt: startedAt.toISOString(),
    workspace,
    listening: [...listening],
    logins: {
      cached: logins.kept,
      nextExpiry: isoOf(logins.nextExpiry),
      renewed: logins.renewed,
      failed: logins.failed,
    },
    health: {
      intervalSeconds: intervalMs === undefined ? null : intervalMs / 1000,
      entries: parts.standings.map(describeStanding),
    },
    rateLimits: parts.rateLimits.map(({ host, limit, remaining, windowSeconds, ...times }) => ({
      host,
      limit: limit ?? null,
      remaining: remaining ?? null,
      windowSeconds: windowSeconds ?? null,
      seenAt: times.seenAt.toISOString(),
      retryAt: isoOf(times.retryAt),
    })),
    leases: parts.leases.map(describeLease),
  }
}

/**
 * Reads what an agent said of itself.
 *
 * @throws `request-invalid`, naming what is not as it ought to be: it is an agent of another version
 */
export function parseStatus(value: unknown): Status {
  const result = v.safeParse(status, value)
  if (result.success) return result.output
  const path = v.getDotPath(result.issues[0]) ?? 'it'
  throw new PurserError(
    'request-invalid',
    `the agent's status: ${path} is not what it ought to be`,
    {
      hint: 'the agent may be of another version: start it anew',
    },
  )
}

function describeStanding({ subject, verdict, checkedAt, since }: Standing) {
  const { workspace, host, prefix, name, source } = subject
  return {
    workspace,
    host: host.name,
    prefix,
    name,
    source,
    state: verdict.state,
    since: since.toISOString(),
    checkedAt: checkedAt.toISOString(),
    expiresAt: isoOf(verdict.expiresAt),
    reason: verdict.reason,
    hint: verdict.state === 'valid' ? null : (verdict.hint ?? null),
  }
}

function isoOf(time: Date | undefined): string | null {
  return time?.toISOString() ?? null
}
