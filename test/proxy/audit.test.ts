import { expect, test } from 'vitest'
import {
  ask,
  BASIC,
  fakeRegistry,
  LOGIN,
  type RunOptions,
  runProxy,
  upstreamAt,
} from './harness.ts'
import { startStored } from './stored.ts'

const DIGEST = `sha256:${'0'.repeat(64)}`

async function set(options: RunOptions = {}, upstream: Parameters<typeof upstreamAt>[1] = {}) {
  const registry = await fakeRegistry({ auth: BASIC })
  const own = upstreamAt(registry.host, upstream)
  const running = await runProxy([own], { own, ...options })
  const deed = { client: undefined, workspace: 'default', host: registry.host }
  return { ...running, registry, deed }
}

test('whose credential was used for what, once a minute', async () => {
  let at = Date.UTC(2026, 10, 21)
  const { url, audited, deed, registry } = await set({ login: () => LOGIN, now: () => at })
  for (let i = 0; i < 5; i++) {
    await ask(`${url}/v2/acme/app/blobs/${DIGEST}`)
    at += 2_000
  }
  const granted = { ...deed, decision: 'granted', reason: undefined }
  const pulled = { ...granted, source: 'vault', from: `entry ${registry.host}`, action: 'pull' }
  expect(audited).toEqual([{ ...pulled, repository: 'acme/app' }])
  await ask(`${url}/v2/acme/app/manifests/1`, { method: 'PUT', body: '{}' })
  await ask(`${url}/v2/acme/other/blobs/${DIGEST}`)
  at += 60_000
  await ask(`${url}/v2/acme/app/blobs/${DIGEST}`)
  expect(audited.slice(1)).toEqual([
    { ...pulled, repository: 'acme/app', action: 'push' },
    { ...pulled, repository: 'acme/other' },
    { ...pulled, repository: 'acme/app' },
  ])
})

test('that it was nobody’s', async () => {
  const { url, audited, deed } = await set({ client: 'lease-7' })
  await ask(`${url}/v2/acme/app/manifests/1`)
  expect(audited).toMatchObject([
    { ...deed, client: 'lease-7', repository: 'acme/app', action: 'pull', decision: 'anonymous' },
  ])
})

test.each([
  {
    name: 'an action',
    upstream: { actions: ['pull'] },
    method: 'PUT',
    repository: 'acme/app',
    action: 'push',
    reason: /^push is not allowed at 127/,
  },
  {
    name: 'a repository',
    upstream: { repositories: ['acme/*'] },
    method: 'GET',
    repository: 'other/app',
    action: 'pull',
    reason: /^"other\/app" is not among the repositories of 127/,
  },
] as const)('that $name was denied, and the line of the request says where', async (row) => {
  const { upstream, method, repository, action, reason } = row
  const { url, audited, deed, logged } = await set({}, upstream)
  await ask(`${url}/v2/${repository}/manifests/1`, { method })
  const denied = { repository, action, reason: expect.stringMatching(reason) }
  expect(audited).toMatchObject([{ ...deed, ...denied, decision: 'denied' }])
  expect(logged.at(-1)).toMatchObject({ event: 'request', host: deed.host, status: 403, ...denied })
})

test('that the registry refused it', async () => {
  const login = { ...LOGIN, username: 'bob' }
  const { url, audited } = await set({ login: () => login })
  await ask(`${url}/v2/acme/app/manifests/1`)
  expect(audited.map(({ decision, source }) => [decision, source])).toEqual([
    ['granted', 'vault'],
    ['refused', 'vault'],
  ])
})

test('that it could not be used', async () => {
  const { url, audited } = await set({
    resolver: { resolve: () => Promise.reject(new Error('SECRET')) },
  })
  await ask(`${url}/v2/acme/app/manifests/1`)
  expect(audited).toMatchObject([{ decision: 'failed', reason: 'Error', source: undefined }])
})

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const TRACED = {
  traceparent: `00-${TRACE}-00f067aa0ba902b7-01`,
  tracestate: 'congo=t61rcWkgMzE',
  baggage: 'user=ann',
}

test('a trace goes on to the registry, and not to its store', async () => {
  const { registry, blob, stored, logged } = await startStored({ redirects: 'follow' })
  await ask(blob, { headers: TRACED })
  const { traceparent, tracestate } = TRACED
  expect(registry.asked.at(-1)?.headers).toMatchObject({ traceparent, tracestate })
  expect(registry.asked.at(-1)?.headers).not.toHaveProperty('baggage')
  expect(stored).toHaveLength(1)
  expect(Object.keys(stored[0]?.headers ?? {}).filter((name) => name in TRACED)).toEqual([])
  await expect.poll(() => logged.at(-1)).toMatchObject({ event: 'request', trace: TRACE })
})

test.each(['', '00-xyz-1-01', `zz-${TRACE}-00f067aa0ba902b7-01`])(
  'what is no trace is not told: %j',
  async (traceparent) => {
    const { url, logged } = await set()
    await ask(`${url}/v2/acme/app/manifests/1`, { headers: { traceparent } })
    await expect.poll(() => logged.at(-1)).toMatchObject({ event: 'request', trace: undefined })
  },
)
