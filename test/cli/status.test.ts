import { expect, test } from 'vitest'
import { composeStatus } from '../../src/health/status.ts'
import { STANDINGS } from '../health/standings.ts'
import { openCommandLine } from './command-line.ts'

/** As the command line's clock has it. */
const NOW = Date.parse('2026-01-01T00:00:00Z')

const ago = (ms: number) => new Date(NOW - ms)

const STATUS = composeStatus({
  version: '1.2.3',
  pid: 42,
  startedAt: ago(2 * 3_600_000 + 60_000),
  workspace: 'default',
  listening: ['127.0.0.1:5000', '127.0.0.1:5001'],
  logins: { kept: 3, nextExpiry: ago(-90 * 60_000), renewed: 7, failed: 1 },
  intervalMs: 1_800_000,
  standings: STANDINGS.map((each) => ({
    ...each,
    checkedAt: ago(5_000),
    since: ago(3 * 86_400_000),
  })),
  rateLimits: [
    {
      host: 'docker.io',
      limit: 100,
      remaining: 76,
      windowSeconds: 21_600,
      source: undefined,
      retryAt: undefined,
      seenAt: ago(60_000),
    },
  ],
  leases: [
    {
      id: '0123456789abcdef',
      workspace: 'team',
      expiresAt: ago(-86_400_000),
      minted: [
        {
          source: 'request.image_credentials',
          host: '123456789012.dkr.ecr.us-east-1.amazonaws.com',
          expiresAt: ago(-7 * 3_600_000),
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
})

test('tells how the agent is', async () => {
  const line = await openCommandLine({ status: STATUS })
  const { code, stdout, stderr } = await line.run('status')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout.split('\n')).toEqual([
    'agent      purser 1.2.3, process 42, up 2 h 1 min',
    'workspace  default',
    'proxy      127.0.0.1:5000, 127.0.0.1:5001',
    'logins     3 cached, the next one ends in 1 h 30 min; 7 renewed ahead, 1 in vain',
    'health     2 entries checked every 30 min, 1 of them not valid',
    'leases     1',
    '',
    'REGISTRY      NAME     STATE    FOR  CHECKED  REASON',
    'ghcr.io       default  valid    3 d  5 s ago  ghcr.io took ann',
    'quay.io/acme  robot    refused  3 d  5 s ago  GET "https://quay.io/v2/": status 401 ' +
      '(log in anew: purser login quay.io/acme)',
    '',
    'UPSTREAM   PULLS LEFT  OF   IN   SEEN',
    'docker.io  76          100  6 h  1 min ago',
    '',
    'LEASE             WORKSPACE  CREDENTIAL FOR                                ENDS',
    '0123456789abcdef  team       123456789012.dkr.ecr.us-east-1.amazonaws.com  in 7 h 0 min',
    '',
  ])
})

test('as JSON, as the agent has it', async () => {
  const line = await openCommandLine({ status: STATUS })
  expect(JSON.parse((await line.run('status', '--json')).stdout)).toEqual(STATUS)
})

test('says that there is no agent', async () => {
  expect(await (await openCommandLine()).run('status')).toEqual({
    code: 5,
    stdout: '',
    stderr: 'purser: error: no agent answers on s\npurser: hint: start one\n',
  })
})
