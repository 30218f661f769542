import type { Standing } from '../../src/health/monitor.ts'
import { basic, entryFor, NOW } from './harness.ts'

/** An entry that is valid and one that is not, as a monitor tells of them. */
export const STANDINGS: readonly Standing[] = [
  {
    subject: entryFor('ghcr.io', basic('ann', 'canary')),
    verdict: { state: 'valid', expiresAt: new Date(NOW + 3_600_000), reason: 'ghcr.io took ann' },
    checkedAt: new Date(NOW),
    since: new Date(NOW - 60_000),
  },
  {
    subject: entryFor('quay.io', basic('ann', 'canary'), { prefix: 'acme', name: 'robot' }),
    verdict: {
      state: 'refused',
      expiresAt: undefined,
      reason: 'GET "https://quay.io/v2/": status 401',
      hint: 'log in anew: purser login quay.io/acme',
      status: 401,
    },
    checkedAt: new Date(NOW),
    since: new Date(NOW),
  },
]
