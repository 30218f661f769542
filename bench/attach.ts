import { join } from 'node:path'
import { openPurser } from '../src/index.ts'
import type { Shipped } from '../test/binary/shipped.ts'
import { measureLoad } from './agent.ts'
import { ECR_HOST, loginToEcr, startAmazon } from './amazon.ts'
import type { Row } from './table.ts'

const WARM_UP = 2_000
const MEASURED_MS = 5_000

/** As many as a scheduler's goroutines ask at a time. */
const AT_ONCE = 8

/** As much as a platform's own fields are, beside those that are filled in. */
const REQUEST = JSON.stringify({
  container_id: 'endpoint-6a3c1f7e-0b1c-4e7e-9a53-1d2f3a4b5c6d-9f8e7d6c',
  entry_point: ['python3.11', '-m', 'beta9.runner.endpoint'],
  env: Array.from({ length: 40 }, (_, i) => `VARIABLE_${i}=value-${'x'.repeat(30)}`),
  cpu: 1000,
  memory: 2048,
  gpu: '',
  gpu_request: [],
  image_id: '4f1c9a6a3c1f7e0b',
  stub_id: '6a3c1f7e-0b1c-4e7e-9a53-1d2f3a4b5c6d',
  workspace_id: '0b1c4e7e-9a53-1d2f-3a4b-5c6d9f8e7d6c',
  workspace: { external_id: '0b1c4e7e', signing_key: 'sk_YmVuY2g=', storage: { bucket: 'b' } },
  stub: { config: '{"runtime":{"cpu":1000,"memory":2048,"image_id":"4f1c9a6a3c1f7e0b"}}' },
  timestamp: '2026-01-01T00:00:00Z',
  mounts: Array.from({ length: 5 }, (_, i) => ({
    local_path: `/data/${i}`,
    mount_path: `/mnt/${i}`,
  })),
  build_options: { source_image: null, dockerfile: null, build_secrets: [] },
})

/** Fills in requests whose image has a link, with the login of a build registry that is in the cache. */
export async function measureAttach(shipped: Shipped): Promise<readonly Row[]> {
  await loginToEcr(shipped)
  const { GITHUB_USERNAME, GITHUB_TOKEN } = {
    GITHUB_USERNAME: 'octocat',
    GITHUB_TOKEN: 'ghp_bench',
  }
  const args = ['image', 'link', '--image', '4f1c9a6a3c1f7e0b', '--reference', 'ghcr.io/acme/app:1']
  const linked = await shipped.purser([...args, '--from-env', 'GITHUB_USERNAME,GITHUB_TOKEN'], '', {
    GITHUB_USERNAME,
    GITHUB_TOKEN,
  })
  if (linked.status !== 0) throw new Error(linked.stderr)
  const amazon = await startAmazon(shipped)
  const config = ['[build_registry]', `host = "${ECR_HOST}"`]
  const { pid } = await shipped.serve(config, { PURSER_LOG: 'info', ...amazon.env })
  const { perSecond, perCpuSecond } = await measureLoad(pid, join(shipped.home, 'agent.sock'), {
    path: '/v1/attach',
    body: REQUEST,
  })
  const within = await measureWithin(shipped, amazon.env)
  return [
    { what: 'requests filled in by the agent', purser: { value: perSecond, unit: '/s' } },
    { what: 'the same, by a second of its processor', purser: { value: perCpuSecond, unit: '/s' } },
    { what: 'the same, by the library in a process', purser: { value: within, unit: '/s' } },
  ]
}

/** By a second of this process's processor: there is nobody else in it. */
async function measureWithin(
  { home, folder }: Shipped,
  env: Readonly<Record<string, string>>,
): Promise<number> {
  await using purser = openPurser(
    { env: { PURSER_HOME: home, ...env }, geteuid: () => process.geteuid?.() ?? 0 },
    { config: join(folder, 'config.toml') },
  )
  const fill = async () => {
    const { fields } = await purser.attachCredentials(REQUEST)
    const missing = fields.find(({ state }) => state !== 'filled')
    if (missing !== undefined) throw new Error(`${missing.field} is ${missing.state}`)
  }
  const fillSome = () => Promise.all(Array.from({ length: AT_ONCE }, fill))
  for (let count = 0; count < WARM_UP; count += AT_ONCE) await fillSome()
  const before = process.cpuUsage()
  let count = 0
  for (const end = performance.now() + MEASURED_MS; performance.now() < end; count += AT_ONCE) {
    await fillSome()
  }
  const { user, system } = process.cpuUsage(before)
  return (count * 1_000_000) / (user + system)
}
