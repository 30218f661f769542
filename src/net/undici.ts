import { Agent, type buildConnector } from 'undici'
import type { Dial } from './dial.ts'
import type { Guard } from './guard.ts'
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
  const upstream = createAgent(dial, 'none')
  const guarded = createAgent(dial, 'public')
  const known = createAgent(dial, 'known')
  const all = [upstream, guarded, known]
  return {
    upstream,
    realm({ allowPrivate, isKnown = false }) {
      if (allowPrivate) return upstream
      return isKnown ? known : guarded
    },
    open: (origin, signal, guard = 'none') => dial(destinationOf(origin), { signal, guard }),
    async end() {
      await Promise.all(all.map((agent) => agent.close()))
    },
    async close() {
      await Promise.all(all.map((agent) => agent.destroy()))
    },
  }
}

function createAgent(dial: Dial, guard: Guard): Agent {
  return new Agent({
    connect: createConnector(dial, guard),
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

function createConnector(dial: Dial, guard: Guard): buildConnector.connector {
  return (destination, callback) => {
    dial(destinationOf(destination), { guard }).then(
      (socket) => callback(null, socket),
      (error) => callback(error, null),
    )
  }
}

function destinationOf({ protocol, hostname, port }: buildConnector.Options | URL) {
  const secure = protocol === 'https:'
  return {
    protocol: secure ? 'https:' : 'http:',
    hostname: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port === '' ? (secure ? 443 : 80) : port),
  } as const
}
