import { Agent, type RequestOptions } from 'node:https'
import type { Duplex } from 'node:stream'
import type { Dial } from './dial.ts'

/** A cloud's API is asked once for many: more at a time are a herd. */
const MAX_SOCKETS = 16
/** Shorter than what front ends keep: a request on a connection that is just closing fails. */
const IDLE_TIMEOUT_MS = 30_000

/** An agent for SDKs that bring their own client, on connections that `dial` opens. */
export function createHttpsAgent(dial: Dial): Agent {
  return new DialAgent(dial)
}

/** A class, because overriding this method is how `node:https` takes a connector. */
class DialAgent extends Agent {
  readonly #dial: Dial

  constructor(dial: Dial) {
    // Without a server name: `dial` gives its own, and finding one takes Node 5 ms (see `isAddress`).
    super({ keepAlive: true, maxSockets: MAX_SOCKETS, timeout: IDLE_TIMEOUT_MS, servername: '' })
    this.#dial = dial
  }

  override createConnection({ host, port }: RequestOptions): Duplex {
    const hostname = (host ?? 'localhost').replace(/^\[|\]$/g, '')
    return this.#dial({ protocol: 'https:', hostname, port: Number(port ?? 443) }, false)
  }
}
