import { type Socket, connect as tcpConnect } from 'node:net'
import { type ConnectionOptions, connect as tlsConnect } from 'node:tls'

/** What is asked, and by what connections. */
export interface Asked {
  readonly port: number
  /** Without, it is asked in plain HTTP. */
  readonly tls?: ConnectionOptions
  /** The text of the next request, which has no body. */
  next(): string
}

/** An answer that takes longer than this ends the measurement: it would never end by itself. */
const MAX_LATE_MS = 30_000

/** A millisecond is the finest that timers know: more than one is due in each, late ones with it. */
const TICK_MS = 1

/**
 * Asks at a rate, whether the answers come or not, as clients do that know nothing of each other.
 *
 * @returns how long each answer took from when it was due, in milliseconds: who is late to ask
 * because an answer is late has not asked less
 * @throws if an answer is not 2xx, ends before its end, or takes too long
 */
export async function askAt(perSecond: number, seconds: number, asked: Asked): Promise<number[]> {
  const total = perSecond * seconds
  const idle: Client[] = []
  const times: number[] = []
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const clients: Client[] = []
  const open = () => {
    const client = createClient(asked, reject)
    clients.push(client)
    return client
  }
  const start = performance.now()
  let sent = 0
  const timer = setInterval(() => {
    for (; sent < total && start + (sent * 1_000) / perSecond <= performance.now(); sent++) {
      const due = start + (sent * 1_000) / perSecond
      const client = idle.pop() ?? open()
      client.ask(asked.next(), () => {
        times.push(performance.now() - due)
        idle.push(client)
        if (times.length === total) resolve()
      })
    }
  }, TICK_MS)
  const limit = setTimeout(
    () => reject(new Error(`${total - times.length} of ${total} answers are missing`)),
    seconds * 1_000 + MAX_LATE_MS,
  )
  try {
    await promise
    return times
  } finally {
    clearInterval(timer)
    clearTimeout(limit)
    for (const client of clients) client.close()
  }
}

interface Client {
  ask(request: string, answered: () => void): void
  close(): void
}

function createClient({ port, tls }: Asked, fail: (error: Error) => void): Client {
  const to = { host: '127.0.0.1', port, noDelay: true }
  const socket: Socket = tls === undefined ? tcpConnect(to) : tlsConnect({ ...tls, ...to })
  let missing: number | undefined
  let done = () => {}
  socket.on('error', fail)
  socket.on('close', () => fail(new Error('the connection is closed')))
  socket.on('data', (chunk: Buffer) => {
    missing ??= lengthOf(chunk, fail)
    missing -= chunk.length
    if (missing > 0) return
    missing = undefined
    done()
  })
  return {
    ask(request, answered) {
      done = answered
      socket.write(request)
    },
    close() {
      socket.removeAllListeners('close').destroy()
    },
  }
}

/** Of head and body; a head comes in one piece, or the figure would be of something else. */
function lengthOf(head: Buffer, fail: (error: Error) => void): number {
  const text = head.toString('latin1', 0, 2_048)
  const end = text.indexOf('\r\n\r\n') + 4
  const length = /\r\ncontent-length: ([0-9]+)\r\n/i.exec(text)?.[1]
  if (!/^HTTP\/1\.1 2/.test(text) || end === 3 || length === undefined) {
    fail(new Error(`answered ${text.split('\r\n', 1)[0]}`))
  }
  return end + Number(length)
}
