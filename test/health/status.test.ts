import { expect, test } from 'vitest'
import { composeStatus, parseStatus } from '../../src/health/status.ts'
import { NOW } from './harness.ts'
import { STANDINGS } from './standings.ts'

const PARTS = {
  version: '1.2.3',
  pid: 42,
  startedAt: new Date(NOW - 7_200_000),
  workspace: 'default',
  listening: ['127.0.0.1:5000'],
  logins: { kept: 3, nextExpiry: new Date(NOW + 60_000), renewed: 7, failed: 1 },
  intervalMs: 1_800_000,
  standings: STANDINGS,
  rateLimits: [
    {
      host: 'docker.io',
      limit: 100,
      remaining: 76,
      windowSeconds: 21_600,
      source: '192.0.2.1',
      retryAt: undefined,
      seenAt: new Date(NOW - 1_000),
    },
  ],
  leases: [
    {
      id: '0123456789abcdef',
      workspace: 'team',
      expiresAt: new Date(NOW + 86_400_000),
      minted: [
        {
          source: 'request.image_credentials',
          host: '123456789012.dkr.ecr.us-east-1.amazonaws.com',
          expiresAt: new Date(NOW + 3_600_000),
          renewable: false,
        },
        {
          source: 'request.build_registry_credentials',
          host: 'us-docker.pkg.dev',
          expiresAt: undefined,
          renewable: true,
        },
      ],
    },
  ],
}

test('a status arrives as it was sent, without a secret', () => {
  const status = composeStatus(PARTS)
  expect(parseStatus(JSON.parse(JSON.stringify(status)))).toEqual(status)
  expect(JSON.stringify(status)).not.toContain('canary')
  expect(status).toMatchObject({
    statusVersion: 1,
    startedAt: '2026-11-21T06:00:00.000Z',
    logins: { cached: 3, nextExpiry: '2026-11-21T08:01:00.000Z', renewed: 7, failed: 1 },
    health: {
      intervalSeconds: 1800,
      entries: [
        { host: 'ghcr.io', state: 'valid', hint: null, expiresAt: '2026-11-21T09:00:00.000Z' },
        { host: 'quay.io', prefix: 'acme', name: 'robot', state: 'refused', expiresAt: null },
      ],
    },
    rateLimits: [{ host: 'docker.io', limit: 100, remaining: 76, windowSeconds: 21600 }],
    leases: [
      {
        id: '0123456789abcdef',
        minted: [
          { expiresAt: '2026-11-21T09:00:00.000Z', renewable: false },
          { expiresAt: null, renewable: true },
        ],
      },
    ],
  })
})

test('an agent of before told nothing of leases', () => {
  const { leases: _, ...before } = composeStatus(PARTS)
  expect(parseStatus(before)).toMatchObject({ leases: [] })
})

test('an agent that checks nothing says so', () => {
  const logins = { ...PARTS.logins, nextExpiry: undefined }
  const status = composeStatus({
    ...PARTS,
    logins,
    intervalMs: undefined,
    standings: [],
    rateLimits: [],
  })
  expect(parseStatus(JSON.parse(JSON.stringify(status)))).toMatchObject({
    logins: { nextExpiry: null },
    health: { intervalSeconds: null, entries: [] },
    rateLimits: [],
  })
})

test.each([
  ['another version', { ...composeStatus(PARTS), statusVersion: 2 }, 'statusVersion'],
  ['a missing field', { ...composeStatus(PARTS), pid: undefined }, 'pid'],
  ['no object', 'x', 'it'],
])('%s is told as such', (_name, value, what) => {
  expect(() => parseStatus(value)).toThrow(
    expect.objectContaining({
      code: 'request-invalid',
      message: `the agent's status: ${what} is not what it ought to be`,
    }),
  )
})

test('a newer agent may say more', () => {
  expect(parseStatus({ ...composeStatus(PARTS), more: 1 })).toEqual(composeStatus(PARTS))
})
