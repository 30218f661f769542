import { Agent, type RequestOptions } from 'node:https'
import type { Duplex } from 'node:stream'
import type { Dial } from './dial.ts'

/** How the agent's connections are opened and kept. */
export interface HttpsAgentOptions {
  readonly dial: Dial
  readonly maxSockets: number
  /** How long an idle connection is kept. */
  readonly idleTimeoutMs: number
}

/** An agent for SDKs that bring their own client, on connections that `dial` opens. */
export function createHttpsAgent(options: HttpsAgentOptions): Agent {
  return new DialAgent(options)
}

/** A class, because overriding this method is how `node:https` takes a connector. */
class DialAgent extends Agent {
  readonly #dial: Dial

  constructor({ dial, maxSockets, idleTimeoutMs }: HttpsAgentOptions) {
    super({ keepAlive: true, maxSockets, timeout: idleTimeoutMs })
    this.#dial = dial
  }

  override createConnection({ host, port }: RequestOptions): Duplex {
    const hostname = (host ?? 'localhost').replace(/^\[|\]$/g, '')
    return this.#dial({ protocol: 'https:', hostname, port: Number(port ?? 443) }, false)
  }
}
