import { request } from 'node:http'
import * as v from 'valibot'
import type { LeaseClient } from '../lease/granted.ts'
import { readBounded } from '../model/bytes.ts'
import { PurserError } from '../model/errors.ts'
import { Secret } from '../model/secret.ts'
import { LEASES_PATH } from './leases.ts'
import { checkSocketPath, isOwnSocket } from './own-socket.ts'
import { decodeRefusal, MAX_ANSWER_BYTES } from './protocol.ts'

const secret = v.pipe(
  v.string(),
  v.transform((text) => new Secret(text)),
)

const granted = v.object({
  id: v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/)),
  expiresAt: v.pipe(
    v.string(),
    v.isoTimestamp(),
    v.transform((text) => new Date(text)),
  ),
  environment: v.record(v.pipe(v.string(), v.regex(/^[A-Z_]+$/)), secret),
})

/** The agent answers at once: nobody else is asked. */
const TIMEOUT_MS = 10_000

/** Asks the agent on a socket; it must be this user's. */
export function createLeaseClient(socket: string, uid: number): LeaseClient {
  async function ask(method: string, path: string, body: string, signal: AbortSignal) {
    checkSocketPath(socket)
    if (!isOwnSocket(socket, uid)) throw unreachable(socket)
    const answer = await send({ socketPath: socket, method, path }, body, signal).catch((cause) => {
      signal.throwIfAborted()
      throw unreachable(socket, cause)
    })
    return answer
  }

  return {
    async open(text, workspace, signal) {
      const query = new URLSearchParams({ workspace })
      const { status, body } = await ask('POST', `${LEASES_PATH}?${query}`, text, signal)
      if (status !== 201) throw decodeRefusal(body)
      const parsed = v.safeParse(granted, JSON.parse(body))
      if (parsed.success) return parsed.output
      const where = v.getDotPath(parsed.issues[0]) ?? 'answer'
      throw new PurserError('request-invalid', `the agent's lease: ${where} is not as it ought`, {
        hint: 'it may be of another version: start the agent anew',
      })
    },
    async renew(id, signal) {
      return (await ask('PATCH', `${LEASES_PATH}/${id}`, '', signal)).status === 200
    },
    async close(id, signal) {
      await ask('DELETE', `${LEASES_PATH}/${id}`, '', signal)
    },
  }
}

interface Destination {
  readonly socketPath: string
  readonly method: string
  readonly path: string
}

function send(to: Destination, body: string, signal: AbortSignal) {
  return new Promise<{ readonly status: number; readonly body: string }>((resolve, reject) => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)])
    const tooLong = () => new PurserError('request-invalid', "the agent's answer is too long")
    request({ ...to, signal: limit })
      .once('error', reject)
      .once('response', (response) => {
        readBounded(response, MAX_ANSWER_BYTES, tooLong).then(
          (bytes) => resolve({ status: response.statusCode ?? 0, body: bytes.toString('utf8') }),
          reject,
        )
      })
      .end(body)
  })
}

function unreachable(socket: string, cause?: unknown): PurserError {
  return new PurserError('agent-unreachable', `no agent answers on ${socket}`, {
    cause,
    hint: 'start one: purser serve',
  })
}
