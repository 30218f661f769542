import { type Family, type Sample, secondsOf } from '../observe/family.ts'
import type { Standing } from './monitor.ts'
import { HEALTH_STATES } from './verdict.ts'

const ENTRY = ['workspace', 'host', 'prefix', 'name']

/** An entry's name may be a URL that docker stored it under. */
const MAX_LABEL_LENGTH = 200

/** How the entries that are watched stand, each by its four names; a thousand at most. */
export function entryFamilies(standings: () => readonly Standing[]): readonly Family[] {
  const each = (valuesOf: (standing: Standing) => readonly Sample[]) => () =>
    standings().flatMap((standing) =>
      valuesOf(standing).map(({ labels, value }) => ({
        labels: { ...labelsOf(standing), ...labels },
        value,
      })),
    )
  return [
    {
      kind: 'gauge',
      name: 'purser_entry_state',
      help: 'Whether the entry was in this state when it was last checked: 1 for one of them.',
      labels: [...ENTRY, 'state'],
      samples: each(({ verdict }) =>
        HEALTH_STATES.map((state) => ({
          labels: { state },
          value: Number(verdict.state === state),
        })),
      ),
    },
    {
      kind: 'gauge',
      name: 'purser_entry_checked_timestamp_seconds',
      help: 'When the entry was last checked, since the epoch.',
      labels: ENTRY,
      samples: each(({ checkedAt }) => [{ labels: {}, value: secondsOf(checkedAt) }]),
    },
    {
      kind: 'gauge',
      name: 'purser_entry_expires_timestamp_seconds',
      help: 'When the login that the entry gave ends, since the epoch; absent if nobody told.',
      labels: ENTRY,
      samples: each(({ verdict: { expiresAt } }) =>
        expiresAt === undefined ? [] : [{ labels: {}, value: secondsOf(expiresAt) }],
      ),
    },
  ]
}

function labelsOf({ subject: { workspace, host, prefix, name } }: Standing) {
  return { workspace, host: host.name, prefix, name: name.slice(0, MAX_LABEL_LENGTH) }
}
