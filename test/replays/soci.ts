import { lines, type Place, parseContentRange, placeOf, type Reply, say } from './wire.ts'

const AGENT = 'User-Agent: soci-snapshotter/0.11.1'

/** A layer as the SOCI snapshotter reads it. */
export interface Fetched {
  readonly size: number
  /** Reads a span, of which the index says where it begins and ends. */
  readSpan(first: number, last: number): Promise<Buffer>
  /** Whether it is still there: asked each minute. */
  check(): Promise<boolean>
}

/**
 * Finds a layer: redirects are followed by its client, and where they lead to is kept until it is
 * refused. It knows its registry by a port alone, and says no `ns`.
 *
 * @see https://github.com/awslabs/soci-snapshotter/blob/main/fs/remote/resolver.go
 */
export async function fetchLayer(blob: Place): Promise<Fetched> {
  let place = await redirect(blob)
  const size = await sizeOf(place)

  async function fetchSpan(range: string, again = true): Promise<Reply> {
    const { reply } = await get(place, 'Accept-Encoding: identity', `Range: bytes=${range}`)
    if (!again || (reply.status !== 401 && reply.status !== 403)) return reply
    place = await redirect(blob)
    return fetchSpan(range, false)
  }

  return {
    size,
    async readSpan(first, last) {
      const reply = await fetchSpan(`${first}-${last}`)
      if (reply.status !== 206) throw new Error(`unexpected status code on fetch: ${reply.status}`)
      if (!reply.headers.has('content-type')) throw new Error('a 206 without Content-Type')
      if (parseContentRange(reply)[0] !== first) throw new Error('another span')
      return reply.body
    },
    async check() {
      const { reply } = await get(place, 'Range: bytes=0-1')
      if (reply.status === 403) place = await redirect(blob)
      return reply.status === 200 || reply.status === 206 || reply.status === 403
    },
  }
}

async function redirect(blob: Place): Promise<Place> {
  const { reply, place } = await get(blob, 'Range: bytes=0-1')
  if (reply.status >= 300) throw new Error(`unexpected status code on redirect ${reply.status}`)
  return place
}

async function sizeOf(place: Place): Promise<number> {
  const { host, port, path } = place
  const reply = await say(port, lines(`HEAD ${path} HTTP/1.1`, `Host: ${host}`, AGENT))
  if (reply.status === 200) return Number(reply.headers.get('content-length'))
  return parseContentRange((await get(place, 'Range: bytes=0-1')).reply)[2]
}

/** By Go's client: the place is that of the last request. */
async function get(
  place: Place,
  ...headers: readonly string[]
): Promise<{ readonly reply: Reply; readonly place: Place }> {
  const { host, port, path } = place
  const text = lines(`GET ${path} HTTP/1.1`, `Host: ${host}`, AGENT, ...headers)
  const reply = await say(port, text)
  if (reply.status !== 307) return { reply, place }
  const next = placeOf(reply.headers.get('location') ?? '')
  const referer = `Referer: http://${host}${path}`
  return get(
    next,
    ...[...headers.filter((header) => !header.startsWith('Referer')), referer].sort(),
  )
}
