import { connect, type Socket } from 'node:net'

/** What the agent answered. */
export interface WireAnswer {
  readonly status: number
  readonly body: string
}

/** The bounds of one exchange. */
export interface WireLimits {
  readonly signal: AbortSignal
  /** From the connection to the last byte of the answer. */
  readonly timeoutMs: number
  readonly maxBodyBytes: number
}

/** The agent's heads have 150 bytes; this is Node's own limit. */
const MAX_HEAD_BYTES = 16 * 1024

const HEAD = /^HTTP\/1\.1 ([1-9][0-9]{2})(?: [^\r\n]*)?\r\n((?:[!-9;-~]+:[^\r\n]*\r\n)*)$/
const LENGTH = /^content-length:[ \t]*([0-9]{1,8})[ \t]*$/i
const CODING = /^transfer-encoding:/i

/**
 * Asks the agent one question, over a connection of its own.
 *
 * By hand, because every helper does this, and Node's client takes longer to load than the agent takes
 * to answer. It reads what an agent writes, a body of a stated length, and takes anything else for
 * somebody else's: no chunks, no answer without length, no byte too many.
 *
 * @param request - without the bytes that say how long the body is
 * @throws the signal's reason; else an error that says what was wrong with the answer
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-6.3 for how long a body is
 */
export function postToSocket(
  socketPath: string,
  { path, body }: { readonly path: string; readonly body: string },
  { signal, timeoutMs, maxBodyBytes }: WireLimits,
): Promise<WireAnswer> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const socket = connect(socketPath)
    const end = (settle: () => void) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
      socket.destroy()
      settle()
    }
    const fail = (cause: unknown) => end(() => reject(cause))
    const abort = () => fail(signal.reason)
    const timer = setTimeout(() => fail(new Error('it took too long')), timeoutMs)
    signal.addEventListener('abort', abort)
    socket.on('error', fail)
    socket.on('end', () => fail(new Error('the answer broke off')))
    readAnswer(socket, maxBodyBytes, {
      done: (answer) => end(() => resolve(answer)),
      fail: (message) => fail(new Error(message)),
    })
    socket.write(encodeRequest(path, body))
  })
}

function encodeRequest(path: string, body: string): string {
  return [
    `POST ${path} HTTP/1.1`,
    'Host: agent',
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join('\r\n')
}

interface Reader {
  done(answer: WireAnswer): void
  fail(message: string): void
}

function readAnswer(socket: Socket, maxBodyBytes: number, { done, fail }: Reader): void {
  let received: Buffer = Buffer.alloc(0)
  let head: Head | undefined
  socket.on('data', (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
    if (head === undefined) {
      const end = received.indexOf('\r\n\r\n')
      if (end === -1 && received.length <= MAX_HEAD_BYTES) return
      head = parseHead(received.toString('latin1', 0, end + 2), maxBodyBytes)
      if (head === undefined) return fail('the answer is not an agent’s')
      received = received.subarray(end + 4)
    }
    if (received.length < head.length) return
    if (received.length > head.length) return fail('the answer is longer than it says')
    done({ status: head.status, body: received.toString('utf8') })
  })
}

interface Head {
  readonly status: number
  /** Of the body, in bytes. */
  readonly length: number
}

/** @returns `undefined` if it is no head that an agent writes, or one of a body that is too long */
function parseHead(text: string, maxBodyBytes: number): Head | undefined {
  const [, status, fields = ''] = HEAD.exec(text) ?? []
  if (status === undefined) return undefined
  const lines = fields.split('\r\n')
  const [length, second] = lines.map((line) => LENGTH.exec(line)?.[1]).filter((text) => text)
  if (length === undefined || second !== undefined) return undefined
  if (lines.some((line) => CODING.test(line)) || Number(length) > maxBodyBytes) return undefined
  return { status: Number(status), length: Number(length) }
}
