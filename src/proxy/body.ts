import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'

/** Whether a request has a body, by the only two headers that can say so (RFC 9112 6.3). */
export function hasBody(req: IncomingMessage): boolean {
  const length = req.headers['content-length']
  return req.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
}

/**
 * The body of a request, as a stream that can be given up without harm to the client's connection:
 * a registry that has heard enough may answer early, and the client shall hear that answer.
 */
export function bodyOf(req: IncomingMessage): Readable {
  const body = new Readable({
    read: () => {
      req.resume()
    },
    destroy: (error, done) => {
      req.off('data', onData).off('end', onEnd).off('close', onClose)
      done(error)
    },
  })
  const onData = (chunk: Buffer) => {
    if (!body.push(chunk)) req.pause()
  }
  const onEnd = () => {
    body.push(null)
  }
  // A client that went away half-way: the registry must see a broken body, never a short one.
  const onClose = () => {
    if (!req.complete) body.destroy(new Error('client went away'))
  }
  req.on('data', onData).on('end', onEnd).on('close', onClose).pause()
  // Whoever sends it listens too, but nobody does while its credential is looked for: an error that
  // nobody hears ends the process.
  return body.on('error', () => undefined)
}

/**
 * How long a client may go on sending what nobody reads any more. Closing at once would reset the
 * connection, and the client would lose the answer that it has not read yet.
 *
 * @see https://nginx.org/en/docs/http/ngx_http_core_module.html#lingering_timeout for the figure
 */
const LINGER_MS = 5_000

/** Hears out a client that is answered before it has sent its whole body, for a while. */
export function linger(req: IncomingMessage): void {
  if (req.complete || req.socket.destroyed) return
  const cut = () => {
    if (!req.complete) req.socket.destroy()
  }
  const timer = setTimeout(cut, LINGER_MS).unref()
  req.once('close', () => clearTimeout(timer)).resume()
}
