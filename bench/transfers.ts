import { connect } from 'node:net'
import type { Shipped } from '../test/binary/shipped.ts'
import { peakMemoryOf } from './memory.ts'
import { CA_FILE, HUGE, type Nginx } from './nginx.ts'
import type { Row } from './table.ts'

const TRANSFERS = 1_000
/** As many of them have a connection to a registry; the others wait for one. */
const PER_HOST = 128
/** What each has got before it is counted as open, and when it is done. */
const FIRST_BYTES = 64 * 1_024
const ALL_BYTES = 1_024 * 1_024

/**
 * Opens transfers of which none ends, from one registry or from several: each client takes a little
 * and then stands still, so that all that lies between holds as much as it ever will; then each takes
 * on for a while.
 */
export async function measureTransfers(
  shipped: Shipped,
  nginx: Nginx,
  hosts: readonly string[],
): Promise<Row> {
  const serving = await shipped.serve(
    [
      '[tls]',
      `ca = ["${CA_FILE}"]`,
      ...hosts.flatMap((host) => ['[[upstream]]', `host = "${host}"`]),
      '[connect]',
      ...hosts.map((host) => `"${host}:443" = "127.0.0.1:${nginx.tlsPort}"`),
    ],
    { PURSER_LOG: 'info' },
  )
  const served = Math.min(TRANSFERS, PER_HOST * hosts.length)
  const stack = new DisposableStack()
  try {
    const clients = Array.from({ length: TRANSFERS }, (_, i) =>
      startTransfer(stack, serving.port, hosts[i % hosts.length] ?? ''),
    )
    const first = await firstOf(
      served,
      clients.map(async (client) => {
        await client.take(FIRST_BYTES)
        return client
      }),
    )
    await Promise.all(first.map(({ take }) => take(ALL_BYTES)))
    const from = hosts.length === 1 ? 'a registry' : `${hosts.length} registries`
    const count = TRANSFERS.toLocaleString('en-GB')
    return {
      what: `resident memory at its peak, ${count} open transfers from ${from}, TLS upstream`,
      purser: { value: peakMemoryOf(serving.pid), unit: 'MiB' },
    }
  } finally {
    stack.dispose()
  }
}

/** The first so many that succeed; none may fail before. */
function firstOf<T>(count: number, all: readonly Promise<T>[]): Promise<readonly T[]> {
  return new Promise((resolve, reject) => {
    const done: T[] = []
    for (const each of all) {
      each.then((value) => {
        done.push(value)
        if (done.length === count) resolve([...done])
      }, reject)
    }
  })
}

function startTransfer(stack: DisposableStack, port: number, host: string) {
  const path = `/v2/${host}/app/blobs/${HUGE}`
  const socket = connect({ host: '127.0.0.1', port })
  stack.defer(() => socket.destroy())
  let size = 0
  let status = ''
  socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`)
  return {
    /** Waits until there are so many bytes, and reads no more then. */
    take(until: number): Promise<void> {
      return new Promise((resolve, reject) => {
        const onData = (chunk: Buffer) => {
          if (size === 0) status = chunk.toString('latin1', 0, 12)
          if (status !== 'HTTP/1.1 200') return reject(new Error(`${path}: ${status}`))
          size += chunk.length
          if (size < until) return
          socket.pause().off('data', onData)
          resolve()
        }
        socket.on('data', onData).once('error', reject).resume()
      })
    },
  }
}
