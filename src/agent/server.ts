import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Attach } from '../attach.ts'
import { readBounded } from '../model/bytes.ts'
import { codeOf, describeError, type ErrorCode, hintOf, PurserError } from '../model/errors.ts'
import { DEFAULT_WORKSPACE, nameOf } from '../model/target.ts'
import type { Log } from '../observe/log.ts'
import { decodeRequest } from '../request/load.ts'
import { MAX_REQUEST_BYTES } from '../request/request.ts'
import type { Resolver } from '../resolver.ts'
import { encodeFields, FIELDS_HEADER } from './fields.ts'
import { answerLeases, LEASES_PATH, type LeaseManager } from './leases.ts'
import {
  ATTACH_PATH,
  decodeQuestion,
  encodeAnswer,
  encodeRefusal,
  LOGIN_PATH,
  MAX_QUESTION_BYTES,
  MISDIRECTED,
  STATUS_PATH,
} from './protocol.ts'
import { type Ask, type Reply, refusal } from './reply.ts'
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
  /** Admits container requests; absent where there is no proxy to use them. */
  readonly leases?: LeaseManager
  /** Fills in container requests; absent where none are answered. */
  readonly attach?: Attach
  /** Whose entries a request gets that names no workspace. Default: `default`. */
  readonly workspace?: string
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

/** What is the asker's own mistake: who asks again after a 5xx would have the same answer. */
const MISTAKES: ReadonlySet<ErrorCode> = new Set([
  'host-invalid',
  'reference-invalid',
  'request-invalid',
])

async function answer(
  options: AgentOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [path = '', query = ''] = (request.url ?? '').split('?', 2)
  const gone = new AbortController()
  response.once('close', () => {
    // An abort makes an error with a stack: most answers do without.
    if (!response.writableFinished) gone.abort()
  })
  const ask: Ask = {
    query: new URLSearchParams(query),
    body: (maxBytes) => receive(request, maxBytes),
    signal: gone.signal,
  }
  try {
    send(response, await route(options, request.method ?? '', path, ask))
  } catch (error) {
    if (gone.signal.aborted) return
    options.log.warn('agent could not answer', { path, error: describeError(error) })
    const code = codeOf(error)
    const body = encodeRefusal(code, describeError(error), hintOf(error))
    send(response, { status: MISTAKES.has(code) ? 400 : 500, body })
  }
}

async function route(
  options: AgentOptions,
  method: string,
  path: string,
  ask: Ask,
): Promise<Reply> {
  const { leases } = options
  switch (`${method} ${path}`) {
    case `POST ${LOGIN_PATH}`:
      return answerLogin(options, ask)
    case `GET ${STATUS_PATH}`:
      return { status: 200, body: JSON.stringify(options.status()) }
    case `POST ${ATTACH_PATH}`:
      return answerAttach(options, ask)
    default:
      return leases !== undefined && path.startsWith(LEASES_PATH)
        ? answerLeases(leases, method, path.slice(LEASES_PATH.length), ask)
        : refusal(404, 'usage', 'the agent has no such path')
  }
}

async function answerLogin(options: AgentOptions, { body, signal }: Ask): Promise<Reply> {
  const text = (await body(MAX_QUESTION_BYTES)).toString('utf8')
  const { target, vault, lease } = decodeQuestion(text)
  if (vault !== options.vault) {
    const message = `the agent answers for the vault ${options.vault}`
    return refusal(MISDIRECTED, 'agent-unreachable', message)
  }
  const resolver = lease === undefined ? options.resolver : options.leases?.resolverOf(lease)
  if (resolver === undefined) throw endedLease()
  const resolution = await resolver.resolve(target, signal)
  const source = resolution?.source ?? 'none'
  options.log.debug('login', { target: nameOf(target), source, lease })
  return resolution === undefined
    ? refusal(404, 'not-found', 'no credential')
    : { status: 200, body: encodeAnswer(resolution) }
}

/** Not a miss: nobody shall go on without a credential because a container outlived its lease. */
function endedLease(): PurserError {
  return new PurserError('not-allowed', 'there is no such lease, or it has ended', {
    hint: 'open another one for the container',
  })
}

/** The request comes back as the body, so that a scheduler passes on what it gets. */
async function answerAttach(options: AgentOptions, { query, body, signal }: Ask): Promise<Reply> {
  const { attach, workspace = DEFAULT_WORKSPACE } = options
  if (attach === undefined) return refusal(404, 'usage', 'the agent fills in no requests')
  const { request, fields } = await attach(
    decodeRequest(await body(MAX_REQUEST_BYTES)),
    {
      workspace: query.get('workspace') || workspace,
      overwrite: query.get('overwrite') === 'true',
    },
    signal,
  )
  return { status: 200, body: request, headers: { [FIELDS_HEADER]: encodeFields(fields) } }
}

async function receive(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const tooLong = () =>
    new PurserError('request-invalid', `the question has more than ${maxBytes / 1024} KiB`)
  return readBounded(request, maxBytes, tooLong)
}

function send(response: ServerResponse, { status, body, headers }: Reply): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...headers,
  })
  response.end(body)
}
