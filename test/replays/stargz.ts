import { lines, type Place, parseContentRange, placeOf, type Reply, say } from './wire.ts'

/** @see https://github.com/containerd/stargz-snapshotter/blob/main/fs/remote/resolver.go `defaultChunkSize` */
export const CHUNK_BYTES = 50_000
const AGENT = 'User-Agent: Go-http-client/1.1'

/** A layer as stargz-snapshotter mounts it. */
export interface Mounted {
  readonly size: number
  /** Reads these chunks with one request. @returns the bytes by where they begin */
  read(chunks: readonly number[]): Promise<ReadonlyMap<number, Buffer>>
  /** Whether it is still there: asked each minute. */
  check(): Promise<boolean>
}

/**
 * Finds a layer, once for as long as it is mounted: where the registry redirects to is kept until it is
 * refused.
 *
 * @see https://github.com/containerd/stargz-snapshotter/blob/main/fs/remote/resolver.go `newHTTPFetcher`
 */
export async function mount(blob: Place): Promise<Mounted> {
  let place = await resolve(blob)
  let isSingle = false
  const size = await sizeOf(place)

  async function fetchAll(regions: readonly Region[], again = true): Promise<Reply> {
    const asked = isSingle ? [superRegion(regions)] : regions
    const ranges = asked.map(([first, last]) => `${first}-${last}`).join()
    const reply = await get(place, 'Accept-Encoding: identity', `Range: bytes=${ranges}`)
    if (again && reply.status === 403) {
      place = await resolve(blob)
      return fetchAll(regions, false)
    }
    // Google's store answers several ranges with a 400.
    if (again && reply.status === 400 && !isSingle) {
      isSingle = true
      return fetchAll(regions, false)
    }
    return reply
  }

  return {
    size,
    async read(chunks) {
      const regions = joinRegions(chunks, size)
      return new Map(partsOf(await fetchAll(regions)))
    },
    async check() {
      const { status } = await get(place, 'Range: bytes=0-1')
      if (status === 403) place = await resolve(blob)
      return status === 200 || status === 206 || status === 403
    },
  }
}

type Region = readonly [number, number]

async function resolve(blob: Place): Promise<Place> {
  const { status, headers } = await get(blob, 'Range: bytes=0-1')
  if (status >= 200 && status < 300) return blob
  if (status < 300 || status >= 400) throw new Error(`failed to access to the registry: ${status}`)
  return placeOf(headers.get('location') ?? '')
}

async function sizeOf(place: Place): Promise<number> {
  const { host, port, path } = place
  const reply = await say(port, lines(`HEAD ${path} HTTP/1.1`, `Host: ${host}`, AGENT))
  if (reply.status === 200) return Number(reply.headers.get('content-length'))
  // What is signed for GET refuses HEAD.
  return parseContentRange(await get(place, 'Range: bytes=0-1'))[2]
}

function get({ host, port, path }: Place, ...headers: readonly string[]): Promise<Reply> {
  return say(port, lines(`GET ${path} HTTP/1.1`, `Host: ${host}`, AGENT, ...headers))
}

/** Chunks that touch are one region. */
function joinRegions(chunks: readonly number[], size: number): readonly Region[] {
  const regions: [number, number][] = []
  for (const chunk of chunks.toSorted((a, b) => a - b)) {
    const first = chunk * CHUNK_BYTES
    const last = Math.min(first + CHUNK_BYTES, size) - 1
    const before = regions.at(-1)
    if (before?.[1] === first - 1) before[1] = last
    else regions.push([first, last])
  }
  return regions
}

function superRegion(regions: readonly Region[]): Region {
  return [
    Math.min(...regions.map(([first]) => first)),
    Math.max(...regions.map(([, last]) => last)),
  ]
}

function partsOf(reply: Reply): readonly (readonly [number, Buffer])[] {
  const { status, headers, body } = reply
  if (status === 200) return [[0, body]]
  if (status !== 206) throw new Error(`unexpected status code: ${status}`)
  const type = headers.get('content-type')
  // Go's mime.ParseMediaType fails where there is none.
  if (type === undefined) throw new Error('a 206 without Content-Type')
  const boundary = /^multipart\/byteranges; *boundary="?([^"]+)/i.exec(type)?.[1]
  if (boundary === undefined) return [[parseContentRange(reply)[0], body]]
  return body
    .toString('latin1')
    .split(`--${boundary}`)
    .slice(1, -1)
    .map((part) => {
      const end = part.indexOf('\r\n\r\n')
      const first = Number(/content-range: bytes ([0-9]+)-/i.exec(part.slice(0, end))?.[1])
      return [first, Buffer.from(part.slice(end + 4, -2), 'latin1')] as const
    })
}
