import { PurserError } from '../model/errors.ts'
import type { Resolver } from '../resolver.ts'
import { checkSocketPath, isOwnSocket } from './own-socket.ts'
import {
  decodeAnswer,
  decodeRefusal,
  encodeQuestion,
  LOGIN_PATH,
  MAX_ANSWER_BYTES,
  MISDIRECTED,
} from './protocol.ts'
import { postToSocket } from './wire.ts'

/** A cloud may take 20 s over an exchange, and the agent tries three times within this. */
const ANSWER_TIMEOUT_MS = 45_000

/** Which agent to ask, and as whom. */
export interface AgentClientOptions {
  readonly socket: string
  readonly uid: number
  /** The path of the vault for which an agent has to answer. */
  readonly vault: string
  /** The lease as which it is asked. */
  readonly lease?: string | undefined
}

/**
 * A resolver that asks the agent.
 *
 * It throws `agent-unreachable` if none is listening for this vault; what the agent itself refuses is
 * told with the agent's own code, and is an answer.
 */
export function createAgentClient({ socket, uid, vault, lease }: AgentClientOptions): Resolver {
  return {
    async resolve(target, signal) {
      checkSocketPath(socket)
      if (!isOwnSocket(socket, uid)) throw unreachable(socket)
      const { status, body } = await post(socket, encodeQuestion({ target, vault, lease }), signal)
      if (status === 200) return decodeAnswer(body)
      if (status === MISDIRECTED) throw unreachable(socket)
      const refusal = decodeRefusal(body)
      if (refusal.code === 'not-found') return undefined
      throw refusal
    },
  }
}

/** A resolver that asks the first, and the second only if the first has nobody listening. */
export function preferAgent(agent: Resolver, own: () => Promise<Resolver>): Resolver {
  return {
    async resolve(target, signal) {
      try {
        return await agent.resolve(target, signal)
      } catch (error) {
        if (!(error instanceof PurserError) || error.code !== 'agent-unreachable') throw error
        return (await own()).resolve(target, signal)
      }
    },
  }
}

async function post(socketPath: string, question: string, signal: AbortSignal) {
  try {
    return await postToSocket(
      socketPath,
      { path: LOGIN_PATH, body: question },
      { signal, timeoutMs: ANSWER_TIMEOUT_MS, maxBodyBytes: MAX_ANSWER_BYTES },
    )
  } catch (cause) {
    signal.throwIfAborted()
    throw unreachable(socketPath, cause)
  }
}

function unreachable(socket: string, cause?: unknown): PurserError {
  return new PurserError('agent-unreachable', `no agent answers on ${socket}`, {
    cause,
    hint: 'start one: purser serve',
  })
}
