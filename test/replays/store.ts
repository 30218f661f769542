import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'

/** Answers in a store's stead; `false` leaves it to the store. */
type Answerer = (req: IncomingMessage, res: ServerResponse) => boolean

/** Answers several ranges as stores do that take them. @see https://www.rfc-editor.org/rfc/rfc9110#section-14.6 */
export function sendRanges(bytes: Buffer): Answerer {
  return ({ headers: { range = '' } }, res) => {
    if (!range.includes(',')) return false
    const boundary = '3d6b6a416f9b5'
    const parts = range
      .replace('bytes=', '')
      .split(',')
      .map((each) => {
        const [first = 0, last = 0] = each.split('-').map(Number)
        const head = [
          `--${boundary}`,
          'Content-Type: application/octet-stream',
          `Content-Range: bytes ${first}-${last}/${bytes.length}`,
        ]
        const text = `\r\n${head.join('\r\n')}\r\n\r\n`
        return Buffer.concat([Buffer.from(text), bytes.subarray(first, last + 1)])
      })
    const body = Buffer.concat([...parts, Buffer.from(`\r\n--${boundary}--\r\n`)])
    res
      .writeHead(206, {
        'Content-Type': `multipart/byteranges; boundary=${boundary}`,
        'Content-Length': body.length,
      })
      .end(body)
    return true
  }
}

/** No divisor of any range: a byte out of its place is seen. */
const PATTERN = Buffer.from(Array.from({ length: 251 }, (_, index) => index))
const LARGE = Buffer.alloc(PATTERN.length * 4_096, PATTERN)
/** A first byte, a full part, and a rest. */
const HUGE_BYTES = 1 + 256 * 1024 * 1024 + 1_000

/** Answers with ranges of a blob of which nothing is kept. */
export const sendHuge = Object.assign(
  ({ headers: { range = '' } }: IncomingMessage, res: ServerResponse): boolean => {
    const [, first, last] = /^bytes=([0-9]+)-([0-9]+)$/.exec(range) ?? []
    if (last === undefined) return false
    const [start, end] = [Number(first), Number(last) + 1]
    res.writeHead(206, {
      'Content-Length': end - start,
      'Content-Range': `bytes ${start}-${end - 1}/${HUGE_BYTES}`,
    })
    Readable.from(piecesOf(start, end)).pipe(res)
    return true
  },
  { size: HUGE_BYTES, byteAt: (offset: number) => PATTERN[offset % PATTERN.length] },
)

function* piecesOf(start: number, end: number): Generator<Buffer> {
  for (let at = start; at < end; ) {
    const from = at % PATTERN.length
    const piece = LARGE.subarray(from, Math.min(LARGE.length, from + end - at))
    at += piece.length
    yield piece
  }
}
