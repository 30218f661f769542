import { request } from 'node:http'
import { readBounded } from '../model/bytes.ts'
import { PurserError } from '../model/errors.ts'
import { checkSocketPath, isOwnSocket } from './own-socket.ts'
import { STATUS_PATH } from './protocol.ts'

/** The agent has it in memory. */
const TIMEOUT_MS = 5_000
/** A thousand entries of 1 KiB. */
const MAX_STATUS_BYTES = 2 * 1024 * 1024

/**
 * Asks the agent how it is.
 *
 * @returns the document, of whatever shape
 * @throws `agent-unreachable` if none answers; `unsafe-file` if others could listen in its place
 */
export async function fetchStatus(
  { socket, uid }: { readonly socket: string; readonly uid: number },
  signal: AbortSignal,
): Promise<unknown> {
  checkSocketPath(socket)
  if (!isOwnSocket(socket, uid)) throw unreachable(socket)
  try {
    return JSON.parse(await get(socket, AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)])))
  } catch (cause) {
    signal.throwIfAborted()
    throw unreachable(socket, cause)
  }
}

function get(socketPath: string, signal: AbortSignal): Promise<string> {
  const tooLong = () => new PurserError('request-invalid', 'a status of more than 2 MiB')
  return new Promise((resolve, reject) => {
    request({ socketPath, path: STATUS_PATH, agent: false, signal }, (response) => {
      readBounded(response, MAX_STATUS_BYTES, tooLong).then(
        (body) => resolve(body.toString('utf8')),
        reject,
      )
    })
      .on('error', reject)
      .end()
  })
}

function unreachable(socket: string, cause?: unknown): PurserError {
  return new PurserError('agent-unreachable', `no agent answers on ${socket}`, {
    ...(cause !== undefined && { cause }),
    hint: 'start one: purser serve',
  })
}
