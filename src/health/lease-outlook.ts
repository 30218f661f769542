import * as v from 'valibot'
import { type Family, secondsOf } from '../observe/family.ts'

/** A lease, and how long what it was given will do. */
export interface LeaseOutlook {
  readonly id: string
  readonly workspace: string
  readonly expiresAt: Date
  /** What its request brought minted: a cloud made it, for a while. */
  readonly minted: readonly MintedOutlook[]
}

/** The end of a minted credential. */
export interface MintedOutlook {
  /** As in `Source.name`: `request.image_credentials`. */
  readonly source: string
  readonly host: string
  /** `undefined` if it does not say. */
  readonly expiresAt: Date | undefined
  /** Whether this machine holds the identity by which another is minted in time. */
  readonly renewable: boolean
}

const time = v.pipe(v.string(), v.isoTimestamp())

/** As a status tells it. */
export const leaseStatus = v.object({
  id: v.string(),
  workspace: v.string(),
  expiresAt: time,
  minted: v.array(
    v.object({
      source: v.string(),
      host: v.string(),
      expiresAt: v.nullable(time),
      renewable: v.boolean(),
    }),
  ),
})

export function describeLease({ id, workspace, expiresAt, minted }: LeaseOutlook) {
  return {
    id,
    workspace,
    expiresAt: expiresAt.toISOString(),
    minted: minted.map((each) => ({ ...each, expiresAt: each.expiresAt?.toISOString() ?? null })),
  }
}

/** What `/metrics` tells of leases. */
export function leaseFamilies(list: () => readonly LeaseOutlook[]): readonly Family[] {
  return [
    {
      kind: 'gauge',
      name: 'purser_leases',
      help: 'Container requests that are admitted.',
      labels: [],
      samples: () => [{ labels: {}, value: list().length }],
    },
    {
      kind: 'gauge',
      name: 'purser_lease_credential_expiry_timestamp_seconds',
      help: 'When what a container was given ends, since the epoch, where nothing here can mint another.',
      labels: ['lease', 'host'],
      samples: () =>
        list().flatMap(({ id, minted }) =>
          minted.flatMap(({ host, expiresAt, renewable }) =>
            expiresAt === undefined || renewable
              ? []
              : [{ labels: { lease: id, host }, value: secondsOf(expiresAt) }],
          ),
        ),
    },
  ]
}
