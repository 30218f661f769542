import { Agent, type buildConnector } from 'undici'
import type { Dial } from './dial.ts'
import { CONNECTIONS_PER_ORIGIN, type Net } from './net.ts'

/**
 * Shorter than what front ends keep (AWS ALB 60 s, nginx 75 s): a request sent on a connection that
 * the other side is just closing fails, and one with a body cannot be sent again.
 */
const IDLE_TIMEOUT_MS = 30_000

/** Google's registries answer with more than the usual 16 KiB. */
const MAX_HEADER_BYTES = 128 * 1024

/** A registry that commits a large blob to its store answers the PUT after minutes. */
const HEADERS_TIMEOUT_MS = 10 * 60_000

/** Makes the way out over connections that `dial` opens; it opens none yet. */
export function createNet(dial: Dial): Net {
  const upstream = createAgent(dial, false)
  const guarded = createAgent(dial, true)
  return {
    upstream,
    realm: ({ allowPrivate }) => (allowPrivate ? upstream : guarded),
    async end() {
      await Promise.all([upstream.close(), guarded.close()])
    },
    async close() {
      await Promise.all([upstream.destroy(), guarded.destroy()])
    },
  }
}

function createAgent(dial: Dial, guarded: boolean): Agent {
  return new Agent({
    connect: createConnector(dial, guarded),
    connections: CONNECTIONS_PER_ORIGIN,
    keepAliveTimeout: IDLE_TIMEOUT_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: HEADERS_TIMEOUT_MS,
    // A blob takes as long as the slower of the two sides needs.
    bodyTimeout: 0,
    // Half the ranges per second of HTTP/1.1, and one stalled upload stalls its neighbours.
    allowH2: false,
    pipelining: 1,
    // Said aloud, because UNDICI_USE_MILO chooses the parser otherwise.
    useMilo: false,
  })
}

function createConnector(dial: Dial, guarded: boolean): buildConnector.connector {
  return ({ protocol, hostname, port }, callback) => {
    const secure = protocol === 'https:'
    const socket = dial(
      {
        protocol: secure ? 'https:' : 'http:',
        hostname,
        port: Number(port === '' ? (secure ? 443 : 80) : port),
      },
      guarded,
    )
    // Whichever comes first is told; undici listens for itself from then on.
    const connected = () => {
      socket.off('error', failed)
      callback(null, socket)
    }
    const failed = (error: Error) => callback(error, null)
    socket.once(secure ? 'secureConnect' : 'connect', connected).once('error', failed)
  }
}
