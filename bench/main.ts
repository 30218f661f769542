import { cpus } from 'node:os'
import { openShipped, type Shipped } from '../test/binary/shipped.ts'
import { run } from '../test/clients/child.ts'
import { measureAgent } from './agent.ts'
import { measureAttach } from './attach.ts'
import { measureLatency } from './latency.ts'
import { measureLeases } from './leases.ts'
import { measurePull, measurePush } from './memory.ts'
import { HOST, HOSTS, PASSWORD, startNginx, USERNAME } from './nginx.ts'
import { measureProxy } from './proxy.ts'
import { measureRoundTrips } from './round-trips.ts'
import { measureSoak } from './soak.ts'
import { measureEntries, measureExchange, measureStartUp } from './start-up.ts'
import { type Row, renderTable } from './table.ts'
import { measureTransfers } from './transfers.ts'

const ENV = { PATH: '/usr/local/bin:/usr/sbin:/usr/bin:/bin' }

/** Measures one thing in a place of its own, which goes when it is done. */
async function section(
  title: string,
  measure: (shipped: Shipped) => Promise<readonly Row[]>,
): Promise<readonly Row[]> {
  console.error(`--- ${title}`)
  const shipped = await openShipped()
  try {
    const rows = await measure(shipped)
    console.error(renderTable(rows))
    return rows
  } finally {
    await shipped.stack.disposeAsync()
  }
}

async function hasWrkAndNginx(): Promise<boolean> {
  for (const command of [
    ['nginx', '-v'],
    ['wrk', '-v'],
  ] as const) {
    const [program, ...args] = command
    const found = await run(program, args, { env: ENV }).catch(() => undefined)
    if (found !== undefined && found.status !== 127) continue
    console.error(`not here: ${program}; the proxy is not measured`)
    return false
  }
  return true
}

async function withLogin(shipped: Shipped, ...hosts: readonly string[]): Promise<Shipped> {
  for (const host of [HOST, ...hosts]) {
    await shipped.purser(['login', host, '--username', USERNAME, '--password-stdin'], PASSWORD)
  }
  return shipped
}

if (process.argv[2] === 'soak') {
  await section('soak', measureSoak)
  process.exit()
}

const rows = [
  ...(await section('starting', measureStartUp)),
  ...(await section('starting, ECR', measureExchange)),
  ...(await section('starting, a large vault', measureEntries)),
  ...(await section('agent', measureAgent)),
  ...(await section('attach', measureAttach)),
  ...(await section('leases', measureLeases)),
]
if (await hasWrkAndNginx()) {
  for (const tls of [false, true]) {
    const title = `proxy, ${tls ? 'TLS' : 'plain'} upstream`
    const measured = await section(title, async (shipped) =>
      measureProxy(await withLogin(shipped), await startNginx(shipped), tls),
    )
    rows.push(...measured)
  }
  const latency = await section('proxy, latency', async (shipped) =>
    measureLatency(await withLogin(shipped), await startNginx(shipped)),
  )
  const trips = await section('proxy, round trips', async (shipped) =>
    measureRoundTrips(await withLogin(shipped)),
  )
  for (const hosts of [HOSTS.slice(0, 1), HOSTS]) {
    const open = await section('memory, open transfers', async (shipped) => [
      await measureTransfers(await withLogin(shipped, ...hosts), await startNginx(shipped), hosts),
    ])
    rows.push(...open)
  }
  const pulled = await section('memory, 8 GiB pulled', async (shipped) => [
    await measurePull(await withLogin(shipped), await startNginx(shipped)),
  ])
  rows.push(...latency, ...trips, ...pulled)
}
rows.push(
  ...(await section('memory, 8 GiB pushed', async (shipped) => [
    await measurePush(await withLogin(shipped)),
  ])),
)

console.log(
  `Medians on ${cpus().length} cores of ${cpus()[0]?.model ?? 'an unknown processor'}, Node ${process.version}.\n`,
)
console.log(renderTable(rows))
