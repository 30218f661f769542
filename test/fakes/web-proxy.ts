import { createServer as createHttp, type IncomingMessage } from 'node:http'
import { createServer as createHttps } from 'node:https'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import type { ServerCertificate } from './certificates.ts'
import { listen, stop } from './http.ts'

export interface WebProxyOptions {
  /** What it looks names up in: `host:port` to the port of 127.0.0.1 that it connects to. */
  readonly names?: Readonly<Record<string, number>>
  /** `user:password`, if it wants one. */
  readonly login?: string
  /** Speaks TLS itself. */
  readonly tls?: ServerCertificate
  /** Answers in its own way, and connects nobody. */
  readonly answer?: (socket: Duplex) => void
}

/** A company's proxy, which connects by CONNECT alone. */
export interface FakeWebProxy {
  readonly port: number
  /** What it was asked to connect to, and by which Proxy-Authorization. */
  readonly asked: readonly { readonly target: string; readonly login: string | undefined }[]
  /** What came that was no CONNECT. */
  readonly others: readonly string[]
  close(): Promise<void>
}

export async function startWebProxy(options: WebProxyOptions = {}): Promise<FakeWebProxy> {
  const { names = {}, login, tls, answer } = options
  const asked: { target: string; login: string | undefined }[] = []
  const others: string[] = []
  const open = new Set<Duplex>()
  const server = tls === undefined ? createHttp() : createHttps(tls)
  server.on('request', (req, res) => {
    others.push(`${req.method} ${req.url}`)
    res.writeHead(405).end()
  })
  server.on('connect', (req: IncomingMessage, socket: Duplex) => {
    const target = req.url ?? ''
    const given = req.headers['proxy-authorization']
    asked.push({ target, login: given })
    open.add(socket.on('error', () => undefined).once('close', () => open.delete(socket)))
    if (answer !== undefined) return answer(socket)
    if (login !== undefined && given !== `Basic ${Buffer.from(login).toString('base64')}`) {
      socket.end('HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm="corp"\r\n\r\n')
      return
    }
    const port = names[target]
    if (port === undefined) {
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\ndenied')
      return
    }
    const onward = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      socket.pipe(onward).pipe(socket)
    })
    onward.on('error', () => socket.destroy())
    socket.once('close', () => onward.destroy())
  })
  const port = await listen(server)
  return {
    ...{ port, asked, others },
    async close() {
      for (const socket of open) socket.destroy()
      await stop(server)
    },
  }
}
