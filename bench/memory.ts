import { readFileSync } from 'node:fs'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Serving, Shipped } from '../test/binary/shipped.ts'
import { AUTHORIZATION, CA_FILE, CERTIFICATE, HOST, HUGE, HUGE_BYTES, type Nginx } from './nginx.ts'
import { servePurser } from './proxy.ts'
import type { Row } from './table.ts'

/** Tells the most memory that `purser serve` had while 8 GiB passed, in each direction, by TLS. */
export async function measurePull(shipped: Shipped, nginx: Nginx): Promise<Row> {
  const serving = await servePurser(shipped, nginx, true)
  const response = await ask(serving.port, 'GET', `/v2/${HOST}/app/blobs/${HUGE}`)
  let size = 0
  for await (const chunk of response) size += chunk.length
  return peakOf('pulled', serving, size)
}

/** The upstream is no nginx, which keeps a body before it looks at it, but takes and drops it. */
export async function measurePush(shipped: Shipped): Promise<Row> {
  let size = 0
  const server = createServer(CERTIFICATE, async (req, res) => {
    if (req.headers.authorization !== AUTHORIZATION) {
      res.writeHead(401, { 'WWW-Authenticate': 'Basic realm="bench"' }).end()
      return
    }
    for await (const chunk of req) size += chunk.length
    res.writeHead(req.method === 'PUT' ? 201 : 202, { Location: '/v2/app/blobs/uploads/1' }).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  shipped.stack.defer(async () => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const serving = await shipped.serve(
    [
      '[[upstream]]',
      `host = "${HOST}"`,
      '[tls]',
      `ca = ["${CA_FILE}"]`,
      '[connect]',
      `"${HOST}:443" = "127.0.0.1:${port}"`,
    ],
    { PURSER_LOG: 'info' },
  )
  const uploads = `/v2/${HOST}/app/blobs/uploads/`
  const started = await ask(serving.port, 'POST', uploads)
  const patched = await ask(serving.port, 'PATCH', started.headers.location ?? '', sendZeros)
  const ended = `${patched.headers.location}`
  const separator = ended.includes('?') ? '&' : '?'
  await ask(serving.port, 'PUT', `${ended}${separator}digest=${HUGE}`)
  return peakOf('pushed', serving, size)
}

function peakOf(direction: string, { pid }: Serving, size: number): Row {
  if (size !== HUGE_BYTES) throw new Error(`${size} bytes were ${direction}, not ${HUGE_BYTES}`)
  return {
    what: `resident memory at its peak, 8 GiB ${direction}, TLS upstream`,
    purser: { value: peakMemoryOf(pid), unit: 'MiB' },
  }
}

/** In MiB, since the process began. */
export function peakMemoryOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmHWM:\s+([0-9]+) kB$/m.exec(status)?.[1]) / 1024
}

function ask(
  port: number,
  method: string,
  location: string,
  send: (to: ClientRequest) => void = (to) => to.end(),
): Promise<IncomingMessage> {
  const { pathname, search } = new URL(location, `http://127.0.0.1:${port}`)
  const headers = method === 'PATCH' ? { 'Content-Length': HUGE_BYTES } : {}
  return new Promise((resolve, reject) => {
    const asked = request(
      { host: '127.0.0.1', port, method, path: `${pathname}${search}`, headers },
      (response) => {
        if (method !== 'GET') response.resume()
        if ((response.statusCode ?? 500) < 300) resolve(response)
        else reject(new Error(`${method} ${pathname}: ${response.statusCode}`))
      },
    )
    asked.on('error', reject)
    send(asked)
  })
}

function sendZeros(to: ClientRequest): void {
  const chunk = Buffer.alloc(256 * 1024)
  let left = HUGE_BYTES
  const more = () => {
    while (left > 0) {
      left -= chunk.length
      if (!to.write(chunk)) {
        to.once('drain', more)
        return
      }
    }
    to.end()
  }
  more()
}
