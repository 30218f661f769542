import { Agent, type RequestOptions } from 'node:https'
import type { Duplex } from 'node:stream'
import { systemCode } from '../model/errors.ts'
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
  /** Ends what `node:https` does not know of yet. */
  readonly #stop = new AbortController()

  constructor(dial: Dial) {
    // Without a server name: `dial` gives its own, and finding one takes Node 5 ms (see `isAddress`).
    super({ keepAlive: true, maxSockets: MAX_SOCKETS, timeout: IDLE_TIMEOUT_MS, servername: '' })
    this.#dial = dial
  }

  override createConnection(
    { host, port }: RequestOptions,
    connected: (error: Error | null, socket?: Duplex) => void,
  ): undefined {
    const hostname = (host ?? 'localhost').replace(/^\[|\]$/g, '')
    const destination = { protocol: 'https:', hostname, port: Number(port ?? 443) } as const
    const { signal } = this.#stop
    const few = this.#dial(destination, { roots: 'few', signal })
    few
      .catch((error: unknown) => {
        if (!isIssuerUnknown(error)) throw error
        return this.#dial(destination, { roots: 'all', signal })
      })
      .then((socket) => connected(null, socket), connected)
  }

  override destroy(): void {
    this.#stop.abort(new Error('the program is stopping'))
    super.destroy()
  }
}

/** @see https://docs.openssl.org/3.5/man3/X509_STORE_CTX_get_error/#error-codes */
const ISSUER_UNKNOWN = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

function isIssuerUnknown(error: unknown): boolean {
  return ISSUER_UNKNOWN.has(systemCode(error) ?? '')
}
