import { readFileSync } from 'node:fs'
import { createServer, type RequestOptions, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Serving, Shipped } from '../test/binary/shipped.ts'
import type { Row } from './table.ts'

const LEASES = 1_000
const LOGIN = { USERNAME: 'captain', PASSWORD: 'correct-horse' }
const BLOB = `/app/blobs/sha256:${'0'.repeat(64)}`

/** A lease as its worker knows it. */
interface Lease {
  readonly id: string
  readonly secret: string
}

/** Looks at what a thousand leases cost of which each has read, and opens others beside them. */
export async function measureLeases(shipped: Shipped): Promise<readonly Row[]> {
  const host = await startRegistry(shipped)
  const serving = await shipped.serve(['[[upstream]]', `host = "${host}"`, 'tls = false'], {
    PURSER_LOG: 'info',
  })
  const socketPath = join(shipped.home, 'agent.sock')
  const container = requestFor(host)

  async function open(): Promise<Lease> {
    const { status, body } = await ask(
      { socketPath, method: 'POST', path: '/v1/leases' },
      container,
    )
    if (status !== 201) throw new Error(`no lease: ${status} ${body}`)
    return JSON.parse(body)
  }

  async function read({ secret }: Lease): Promise<void> {
    const auth = `lease:${secret}`
    const path = `/v2/${host.replace(':', '_')}${BLOB}`
    const { status } = await ask({ host: '127.0.0.1', port: serving.port, path, auth })
    if (status !== 200) throw new Error(`a lease reads nothing: ${status}`)
  }

  const close = ({ id }: Lease) => ask({ socketPath, method: 'DELETE', path: `/v1/leases/${id}` })

  async function useAll(): Promise<readonly Lease[]> {
    const leases: Lease[] = []
    for (let i = 0; i < LEASES; i++) {
      const lease = await open()
      await read(lease)
      leases.push(lease)
    }
    return leases
  }

  // By what a thousand more take: the work itself has the heap grow by 30 MiB, once and for all.
  const first = await useAll()
  const before = await residentMiB(serving)
  await useAll()
  const cost = (await residentMiB(serving)) - before

  for (const lease of first) await close(lease)
  const times: number[] = []
  for (let i = 0; i < LEASES; i++) {
    const at = performance.now()
    const lease = await open()
    times.push(performance.now() - at)
    await close(lease)
  }
  const p99 = times.toSorted((a, b) => a - b)[LEASES * 0.99] ?? Number.NaN
  return [
    { what: 'opening a lease with 1,000 open, p99', purser: { value: p99, unit: 'ms' } },
    {
      what: 'resident memory of 1,000 leases, each of which has read',
      purser: { value: cost, unit: 'MiB' },
    },
  ]
}

/** It looks at the login, and has one small blob. */
async function startRegistry({ stack }: Shipped): Promise<string> {
  const { USERNAME, PASSWORD } = LOGIN
  const authorization = `Basic ${Buffer.from(`${USERNAME}:${PASSWORD}`).toString('base64')}`
  const server = createServer((req, res) => {
    if (req.headers.authorization === authorization) res.end('layer')
    else res.writeHead(401, { 'WWW-Authenticate': 'Basic realm="bench"' }).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stack.defer(async () => {
    server.closeAllConnections()
    server.close()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** As long as a platform's: its mounts, variables and keys are nothing to a lease. */
function requestFor(registry: string): string {
  const credentials = JSON.stringify({ registry, type: 'basic', credentials: LOGIN })
  const env = Array.from({ length: 100 }, (_, i) => `VARIABLE_${i}=${'x'.repeat(60)}`)
  return JSON.stringify({ container_id: 'c', env, image_credentials: credentials })
}

/** At rest: what a collector of garbage has not come to yet is not the leases'. */
async function residentMiB({ pid }: Serving): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < 10; i++) {
    await new Promise((resolve) => setTimeout(resolve, 500))
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    least = Math.min(least, Number(/^VmRSS:\s+([0-9]+) kB$/m.exec(status)?.[1]) / 1024)
  }
  return least
}

interface Said {
  readonly status: number
  readonly body: string
}

function ask(to: RequestOptions, body = ''): Promise<Said> {
  return new Promise((resolve, reject) => {
    request({ ...to, agent: false })
      .once('error', reject)
      .once('response', (response) => {
        text(response).then(
          (said) => resolve({ status: response.statusCode ?? 0, body: said }),
          reject,
        )
      })
      .end(body)
  })
}
