import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Shipped } from '../test/binary/shipped.ts'
import { sendBytes } from '../test/fakes/http.ts'
import { AUTHORIZATION, BLOB, HOST, startFollower } from './nginx.ts'
import { askAt } from './open-loop.ts'
import { median, type Row } from './table.ts'

/** To a registry and its store across a continent. */
const ROUND_TRIP_MS = 40
const READS = 1_000
const READ_BYTES = 64 * 1_024
const STORED = Buffer.alloc(64 * 1_024 * 1_024)
/** At 200 a second, 8 reads are under way at a time, or 16 where each takes two round trips. */
const PER_SECOND = 200

/**
 * Reads a blob that lies in a store, in random places: through Purser, which follows the redirect, and
 * through an nginx that does. Registry and store count what they are asked, and each takes the time of
 * a round trip to answer.
 */
export async function measureRoundTrips(shipped: Shipped): Promise<readonly Row[]> {
  let trips = 0
  const start = async (answer: RequestListener): Promise<number> => {
    const server = createServer((req, res) => {
      trips++
      setTimeout(() => answer(req, res), ROUND_TRIP_MS)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    shipped.stack.defer(async () => {
      server.closeAllConnections()
      server.close()
    })
    return (server.address() as AddressInfo).port
  }
  const store = await start((req, res) => {
    if (req.headers.authorization === undefined) sendBytes(req, res, STORED, {})
    else res.writeHead(400).end('only one authentication')
  })
  const registry = await start((req, res) => {
    if (req.headers.authorization !== AUTHORIZATION) {
      res.writeHead(401, { 'WWW-Authenticate': 'Basic realm="bench"' }).end()
    } else {
      const signed = `X-Amz-Date=${amazonDate(new Date())}&X-Amz-Expires=3600&X-Amz-Signature=0`
      res.writeHead(307, { Location: `http://127.0.0.1:${store}/blob?${signed}` }).end()
    }
  })
  const follower = await startFollower(shipped, registry)
  const { port } = await shipped.serve([
    '[[upstream]]',
    `host = "${HOST}"`,
    'tls = false',
    'redirects = "follow"',
    `storage = ["http://127.0.0.1:${store}"]`,
    '[connect]',
    `"${HOST}:80" = "127.0.0.1:${registry}"`,
  ])

  async function read(through: number, path: string) {
    trips = 0
    const times = await askAt(PER_SECOND, READS / PER_SECOND, {
      port: through,
      next: () => {
        const first = Math.floor(Math.random() * (STORED.length - READ_BYTES))
        const range = `bytes=${first}-${first + READ_BYTES - 1}`
        return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nRange: ${range}\r\n\r\n`
      },
    })
    return {
      trips: { value: trips / READS, unit: '' },
      time: { value: median(times), unit: 'ms' },
    } as const
  }

  const ours = await read(port, `/v2/${HOST}/app/blobs/${BLOB}`)
  const theirs = await read(follower, `/v2/app/blobs/${BLOB}`)
  const name = 'nginx, which follows too,'
  return [
    {
      what: `round trips a read: ${READS.toLocaleString('en-GB')} of 64 KiB, of a blob in a store`,
      purser: ours.trips,
      peer: { name, figure: theirs.trips },
    },
    {
      what: `the same, the time of a read; a round trip takes ${ROUND_TRIP_MS} ms`,
      purser: ours.time,
      peer: { name, figure: theirs.time },
    },
  ]
}

/** `20261121T080000Z` */
function amazonDate(date: Date): string {
  return date.toISOString().replace(/[-:]|\.[0-9]+/g, '')
}
