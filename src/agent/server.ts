import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { readBounded } from '../model/bytes.ts'
import { codeOf, describeError, hintOf, PurserError } from '../model/errors.ts'
import { nameOf } from '../model/target.ts'
import type { Log } from '../observe/log.ts'
import type { Resolver } from '../resolver.ts'
import {
  decodeQuestion,
  encodeAnswer,
  encodeRefusal,
  LOGIN_PATH,
  MAX_QUESTION_BYTES,
  MISDIRECTED,
  STATUS_PATH,
} from './protocol.ts'
import { claimSocket, protectSocket } from './socket.ts'

/** A question is one packet: a client that takes longer is not one of ours. */
const RECEIVE_TIMEOUT_MS = 5_000

/** What an agent is made of. */
export interface AgentOptions {
  /** The socket's path; its directory is made if need be. */
  readonly socket: string
  readonly uid: number
  readonly resolver: Resolver
  /** The path of the vault that the resolver asks. */
  readonly vault: string
  readonly log: Log
  /** What `GET /v1/status` answers. */
  status(): Readonly<Record<string, unknown>>
}

/** The agent while it runs. */
export interface Agent {
  close(): Promise<void>
}

/**
 * Answers this user's processes over a unix socket.
 *
 * @throws `not-allowed` if another agent has the socket; `unsafe-file` if others could reach it
 */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { socket, uid, log } = options
  const claim = claimSocket(socket, uid)
  const server = createServer(
    { requestTimeout: RECEIVE_TIMEOUT_MS, headersTimeout: RECEIVE_TIMEOUT_MS },
    (request, response) => {
      answer(options, request, response).catch((error: unknown) => {
        log.error('agent failed to answer', { error: describeError(error) })
        response.destroy()
      })
    },
  )
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(socket, resolve)
    })
    protectSocket(socket)
  } catch (error) {
    claim.release()
    throw new PurserError('not-allowed', `cannot listen on ${socket}`, { cause: error })
  }
  return {
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
      claim.release()
    },
  }
}

async function answer(
  options: AgentOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const route = `${request.method} ${request.url}`
  if (route === `GET ${STATUS_PATH}`) return send(response, 200, JSON.stringify(options.status()))
  if (route !== `POST ${LOGIN_PATH}`) {
    return send(response, 404, encodeRefusal('usage', 'the agent has no such path', undefined))
  }
  const gone = new AbortController()
  response.once('close', () => {
    // An abort makes an error with a stack: most answers do without.
    if (!response.writableFinished) gone.abort()
  })
  try {
    const { target, vault } = decodeQuestion(await receive(request))
    if (vault !== options.vault) {
      const message = `the agent answers for the vault ${options.vault}`
      return send(response, MISDIRECTED, encodeRefusal('agent-unreachable', message, undefined))
    }
    const resolution = await options.resolver.resolve(target, gone.signal)
    options.log.debug('login', { target: nameOf(target), source: resolution?.source ?? 'none' })
    if (resolution !== undefined) return send(response, 200, encodeAnswer(resolution))
    send(response, 404, encodeRefusal('not-found', 'no credential', undefined))
  } catch (error) {
    if (gone.signal.aborted) return
    options.log.warn('login failed', { error: describeError(error) })
    send(response, 500, encodeRefusal(codeOf(error), describeError(error), hintOf(error)))
  }
}

async function receive(request: IncomingMessage): Promise<string> {
  const tooLong = () => new PurserError('request-invalid', 'the question has more than 64 KiB')
  return (await readBounded(request, MAX_QUESTION_BYTES, tooLong)).toString('utf8')
}

function send(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  })
  response.end(body)
}
