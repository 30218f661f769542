import { connect, type Socket } from 'node:net'
import type { Shipped } from '../test/binary/shipped.ts'
import { peakMemoryOf } from './memory.ts'
import { CA_FILE, HOSTS, HUGE, type Nginx } from './nginx.ts'
import type { Row } from './table.ts'

const TRANSFERS = 1_000
/** What each has got before it is counted as open, and when it is done. */
const FIRST_BYTES = 64 * 1_024
const ALL_BYTES = 1_024 * 1_024

/**
 * Opens transfers of which none ends: each client takes a little and then stands still, so that all
 * that lies between holds as much as it ever will; then each takes on for a while.
 */
export async function measureTransfers(shipped: Shipped, nginx: Nginx): Promise<Row> {
  const serving = await shipped.serve(
    [
      '[tls]',
      `ca = ["${CA_FILE}"]`,
      ...HOSTS.flatMap((host) => ['[[upstream]]', `host = "${host}"`]),
      '[connect]',
      ...HOSTS.map((host) => `"${host}:443" = "127.0.0.1:${nginx.tlsPort}"`),
    ],
    { PURSER_LOG: 'info' },
  )
  const clients = Array.from({ length: TRANSFERS }, (_, i) =>
    startTransfer(serving.port, HOSTS[i % HOSTS.length] ?? ''),
  )
  try {
    await Promise.all(clients.map(({ take }) => take(FIRST_BYTES)))
    await Promise.all(clients.map(({ take }) => take(ALL_BYTES)))
    return {
      what: `resident memory at its peak, ${TRANSFERS.toLocaleString('en-GB')} open transfers`,
      purser: { value: peakMemoryOf(serving.pid), unit: 'MiB' },
    }
  } finally {
    for (const { socket } of clients) socket.destroy()
  }
}

function startTransfer(port: number, host: string) {
  const path = `/v2/${host}/app/blobs/${HUGE}`
  const socket: Socket = connect({ host: '127.0.0.1', port })
  let size = 0
  let status = ''
  socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`)
  return {
    socket,
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
