import type { Subject } from './subject.ts'
import type { HealthState, Verdict } from './verdict.ts'

/** A change in how an entry stands. */
export interface HealthEvent {
  readonly workspace: string
  readonly host: string
  readonly prefix: string
  readonly name: string
  readonly source: Subject['source']
  /** `null` if it was never checked before. */
  readonly from: HealthState | null
  readonly to: HealthState
  /** In one line; never a secret. */
  readonly reason: string
  readonly hint: string | null
  /** ISO 8601, as all times are. */
  readonly at: string
  /** When the login ends or ended, if anybody has told. */
  readonly expiresAt: string | null
}

/** The event that a verdict is. */
export function eventOf(
  { workspace, host, prefix, name, source }: Subject,
  from: HealthState | undefined,
  verdict: Verdict,
  at: number,
): HealthEvent {
  return {
    workspace,
    host: host.name,
    prefix,
    name,
    source,
    from: from ?? null,
    to: verdict.state,
    reason: verdict.reason,
    hint: verdict.state === 'valid' ? null : (verdict.hint ?? null),
    at: new Date(at).toISOString(),
    expiresAt: verdict.expiresAt?.toISOString() ?? null,
  }
}

/** What tells apart the entries that events are about. */
export function subjectOf({ workspace, host, prefix, name, source }: HealthEvent): string {
  return JSON.stringify([source, workspace, host, prefix, name])
}
