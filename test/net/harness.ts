import { createServer } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { onTestFinished } from 'vitest'
import { createDialer, type DialerOptions } from '../../src/net/dial.ts'
import { createHttpsAgent } from '../../src/net/https-agent.ts'
import { createNet } from '../../src/net/undici.ts'
import { testAuthority } from '../fakes/certificates.ts'
import { listen, stop } from '../fakes/http.ts'

export const AUTHORITY = testAuthority()

interface TlsFake {
  readonly port: number
  /** `server name / host header / resumed`, a request each. */
  readonly seen: string[]
  readonly connections: () => number
}

export async function tlsServer(...names: [string, ...string[]]): Promise<TlsFake> {
  const seen: string[] = []
  let connections = 0
  const server = createServer(AUTHORITY.certificateFor(...names), (req, res) => {
    const socket = req.socket as TLSSocket
    const resumed = socket.isSessionReused() ? 'resumed' : 'full'
    seen.push(`${socket.servername} ${req.headers.host} ${resumed} ${req.httpVersion}`)
    res.end(`{"bytes":${req.headers['x-close'] === undefined ? 1 : 2}}`)
  })
  server.on('secureConnection', () => connections++)
  const port = await listen(server)
  onTestFinished(() => stop(server))
  return { port, seen, connections: () => connections }
}

export function net(options: Partial<DialerOptions> = {}) {
  const dial = createDialer({ ca: [AUTHORITY.ca], connect: new Map(), ...options })
  const made = createNet(dial)
  const httpsAgent = createHttpsAgent(dial)
  onTestFinished(async () => {
    httpsAgent.destroy()
    await made.close()
  })
  return { ...made, httpsAgent }
}

export const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no error',
    (error) => error,
  )
