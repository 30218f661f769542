import { lines, type Place, parseContentRange, placeOf, type Reply, say, sayHello } from './wire.ts'

/** @see https://github.com/beam-cloud/clip/blob/main/pkg/storage/oci_parallel_pull.go */
const PART_BYTES = 256 * 1024 * 1024
const AGENT = 'User-Agent: go-containerregistry/v0.19.1'

/**
 * Says what CLIP says before a layer: it tries TLS and plain http on a port of loopback alike, and asks
 * whether a login is wanted.
 *
 * @see https://github.com/google/go-containerregistry/blob/v0.19.1/pkg/v1/remote/transport/ping.go
 */
export async function ping({ host, port }: Place): Promise<Reply> {
  await sayHello(port)
  return say(port, lines('GET /v2/ HTTP/1.1', `Host: ${host}`, AGENT, 'Accept-Encoding: gzip'))
}

/** Reads a layer as CLIP does: all of it, by Go's client, which follows redirects. */
export function readWhole(place: Place): Promise<Reply> {
  return get(place, 'Accept-Encoding: gzip')
}

/**
 * Reads a layer of a gigabyte or more as CLIP does: its first byte, and then the rest in parts.
 *
 * @param check is shown each part, with where it begins
 */
export async function readParts(
  place: Place,
  size: number,
  check: (start: number, part: Buffer) => void,
): Promise<void> {
  const read = async (start: number, end: number) => {
    const reply = await get(place, `Range: bytes=${start}-${end}`)
    // Anything else, and CLIP falls back to one stream.
    if (reply.status !== 206) throw new Error(`${reply.status} instead of a part`)
    if (parseContentRange(reply).join() !== [start, end, size].join()) throw new Error('not it')
    check(start, reply.body)
  }
  await read(0, 0)
  for (let start = 1; start < size; start += PART_BYTES) {
    await read(start, Math.min(start + PART_BYTES, size) - 1)
  }
}

async function get({ host, port, path }: Place, header: string, referer?: string): Promise<Reply> {
  const came = referer === undefined ? [] : [`Referer: ${referer}`]
  const [before, after] = header.startsWith('Range') ? [[...came, header], []] : [came, [header]]
  // Go sorts what the caller set, and puts its own Accept-Encoding behind.
  const request = lines(`GET ${path} HTTP/1.1`, `Host: ${host}`, AGENT, ...before, ...after)
  const reply = await say(port, request)
  if (reply.status !== 307) return reply
  const location = reply.headers.get('location') ?? ''
  return get(placeOf(location), header, `http://${host}${path}`)
}
