import { expect, test } from 'vitest'
import { createMetrics } from '../../src/observe/metrics.ts'
import { createTraffic } from '../../src/proxy/traffic.ts'
import { ask, fakeRegistry, runProxy, upstreamAt } from './harness.ts'
import { startStored } from './stored.ts'

test('what has passed is told to Prometheus', async () => {
  const registry = await fakeRegistry()
  const digest = registry.putBlob('acme/app', Buffer.from('12345'))
  const own = upstreamAt(registry.host)
  const traffic = createTraffic()
  const { url } = await runProxy([own], { own, traffic })
  await ask(`${url}/v2/acme/app/blobs/${digest}`)
  await ask(`${url}/v2/acme/app/blobs/${digest}`)
  await ask(`${url}/v2/acme/app/manifests/none`)
  await expect
    .poll(() => createMetrics(traffic.families).render())
    .toContain('in_flight_requests 0')
  const text = await createMetrics(traffic.families).render()
  const at = `host="${registry.host}"`
  for (const line of [
    `purser_proxy_requests_total{${at},method="GET",kind="blob",code="200"} 2`,
    `purser_proxy_requests_total{${at},method="GET",kind="manifest",code="404"} 1`,
    `purser_proxy_first_byte_seconds_bucket{${at},le="+Inf"} 3`,
    `purser_proxy_first_byte_seconds_count{${at}} 3`,
  ]) {
    expect(text.split('\n')).toContain(line)
  }
  expect(text).toMatch(/purser_proxy_bytes_total{host="[^"]+",direction="down"} [0-9]+/)
  expect(text).not.toContain('acme')
})

test('redirects that were known, asked for and refused', async () => {
  const traffic = createTraffic()
  const { read, revoke } = await startStored({ redirects: 'follow', traffic })
  await read('bytes=0-9')
  await read('bytes=0-9')
  revoke()
  await read('bytes=0-9')
  const text = await createMetrics(traffic.families).render()
  const told = [...text.matchAll(/redirects_total{.*outcome="(\w+)"} (\d)/g)].map((m) => m.slice(1))
  expect(Object.fromEntries(told)).toEqual({ missed: '2', hit: '1', rejected: '1' })
})

test('a push that breaks off is counted as such', async () => {
  const traffic = createTraffic()
  const registry = await fakeRegistry({
    override(req, res) {
      if (req.method !== 'PUT') return false
      res.writeHead(200, { 'Content-Length': '9' }).write('half', () => res.destroy())
      return true
    },
  })
  const own = upstreamAt(registry.host)
  const { url } = await runProxy([own], { own, traffic })
  const put = ask(`${url}/v2/a/manifests/1`, { method: 'PUT', body: '{}' })
  await expect(put).rejects.toThrow('aborted')
  await expect
    .poll(() => createMetrics(traffic.families).render())
    .toMatch(/uploads_aborted_total{host="[^"]+"} 1/)
})
