import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Sends the whole, one range of it, or 416. */
export function sendBytes(
  req: IncomingMessage,
  res: ServerResponse,
  bytes: Buffer,
  headers: Readonly<Record<string, string>>,
): void {
  const all = { 'Accept-Ranges': 'bytes', ...headers }
  const range = /^bytes=([0-9]+)-([0-9]*)$/.exec(req.headers.range ?? '')
  if (range === null) {
    res.writeHead(200, { ...all, 'Content-Length': bytes.length })
    res.end(req.method === 'HEAD' ? undefined : bytes)
    return
  }
  const start = Number(range[1])
  if (start >= bytes.length) {
    res.writeHead(416, { ...all, 'Content-Range': `bytes */${bytes.length}` }).end()
    return
  }
  const end = range[2] === '' ? bytes.length - 1 : Math.min(Number(range[2]), bytes.length - 1)
  const part = bytes.subarray(start, end + 1)
  res.writeHead(206, {
    ...all,
    'Content-Length': part.length,
    'Content-Range': `bytes ${start}-${end}/${bytes.length}`,
  })
  res.end(req.method === 'HEAD' ? undefined : part)
}

export function sendJson(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
}

export function fail(res: ServerResponse, status: number, code: string): void {
  sendJson(res, status, { errors: [{ code, message: code }] })
}

export async function read(req: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk)
  return Buffer.concat(chunks)
}

export function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}

export function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
