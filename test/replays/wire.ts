import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** An answer, as it came. */
export interface Reply {
  readonly status: number
  /** By their names in lower case. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
}

/** Where a client finds a blob. */
export interface Place {
  readonly port: number
  /** As it writes it in `Host`. */
  readonly host: string
  readonly path: string
}

/** From `http://HOST:PORT/PATH`, as a redirect says it. */
export function placeOf(url: string): Place {
  const { host, port, pathname, search } = new URL(url)
  return { host, port: Number(port), path: `${pathname}${search}` }
}

/** The lines of a request without body, as HTTP writes them. */
export function lines(...all: readonly string[]): string {
  return `${all.join('\r\n')}\r\n\r\n`
}

/** Says these bytes on a connection of its own, and reads what comes until the answer is whole. */
export function say(port: number, text: string): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const reader = createReader(!text.startsWith('HEAD '))
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    socket.on('data', (chunk: Buffer) => {
      const reply = reader.take(chunk)
      if (reply === undefined) return
      socket.destroy()
      resolve(reply)
    })
    socket.on('error', reject)
    socket.on('close', () => reject(new Error(`${text}: the connection ended too soon`)))
  })
}

/** Reads an answer that says its length: these clients rely on it. */
function createReader(hasBody: boolean) {
  const chunks: Buffer[] = []
  let head: (Omit<Reply, 'body'> & { readonly length: number }) | undefined
  let size = 0

  function take(chunk: Buffer): Reply | undefined {
    chunks.push(chunk)
    size += chunk.length
    if (head === undefined) {
      const all = Buffer.concat(chunks)
      const end = all.indexOf('\r\n\r\n')
      if (end < 0) return undefined
      const { status, headers } = parseHead(all.toString('latin1', 0, end))
      head = { status, headers, length: hasBody ? lengthOf(headers) : 0 }
      const rest = all.subarray(end + 4)
      chunks.splice(0, chunks.length, rest)
      size = rest.length
    }
    if (size < head.length) return undefined
    if (size > head.length) throw new Error(`${size} bytes instead of ${head.length}`)
    return { status: head.status, headers: head.headers, body: Buffer.concat(chunks) }
  }

  return { take }
}

function lengthOf(headers: Reply['headers']): number {
  const length = headers.get('content-length')
  if (length === undefined) throw new Error('an answer without a length')
  return Number(length)
}

function parseHead(text: string): Omit<Reply, 'body'> {
  const [first = '', ...rest] = text.split('\r\n')
  const headers = rest.map((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
  })
  return { status: Number(first.split(' ')[1]), headers: new Map(headers) }
}

/** `bytes 0-1/200`, as first, last and size. @throws if it is not there */
export function parseContentRange(reply: Reply): readonly [number, number, number] {
  const range = reply.headers.get('content-range') ?? ''
  const [, first, last, size] = /^bytes ([0-9]+)-([0-9]+)\/([0-9]+)$/.exec(range) ?? []
  if (size === undefined) throw new Error(`${reply.status} with the Content-Range ${range}`)
  return [Number(first), Number(last), Number(size)]
}

/** Begins TLS, and waits until the other side has enough of it. @returns why */
export function sayHello(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ port, host: '127.0.0.1', servername: 'localhost' })
    socket.on('secureConnect', () => reject(new Error('it speaks TLS')))
    socket.on('error', ({ message }) => resolve(message))
  })
}
