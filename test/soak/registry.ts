import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { digestOf } from '../clients/image.ts'
import { fail, listen, sendBytes, stop } from '../fakes/http.ts'

export const LOGIN = { username: 'captain', password: 'soak' } as const
const AUTHORIZATION = `Basic ${Buffer.from(`${LOGIN.username}:${LOGIN.password}`).toString('base64')}`

/** More than the buffers of sockets and streams hold. */
export const BLOB = randomBytes(256 * 1024)
export const DIGEST = digestOf(BLOB)

/** A registry that keeps one blob, and of what is pushed to it, nothing. */
export interface SoakRegistry {
  readonly host: string
  readonly store: string
  /** Pushes that came to their end, whole. */
  readonly pushed: () => number
  close(): Promise<void>
}

/** Starts it, with a store to which it redirects the reads of `stored/…`. */
export async function startSoakRegistry(): Promise<SoakRegistry> {
  /** Of each upload, what came so far. */
  const uploads = new Map<string, string>()
  let pushed = 0
  const store = createServer((req, res) => sendBytes(req, res, BLOB, {}))
  const storeOrigin = `http://127.0.0.1:${await listen(store)}`
  const server = createServer((req, res) => {
    void answer(req, res).catch(() => res.destroy())
  })
  const host = `127.0.0.1:${await listen(server)}`

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { url = '', method, headers } = req
    if (headers.authorization !== AUTHORIZATION) {
      res.writeHead(401, { 'WWW-Authenticate': 'Basic realm="soak"' }).end()
    } else if (url.includes('/uploads/')) {
      await answerUpload(req, res, url)
    } else if (method === 'GET' && url.startsWith('/v2/stored/')) {
      const date = new Date().toISOString().replace(/[-:]|\.\d+/g, '')
      const life = `X-Amz-Date=${date}&X-Amz-Expires=3600&X-Amz-Signature=ab`
      res.writeHead(307, { Location: `${storeOrigin}/blob?${life}` }).end()
    } else {
      sendBytes(req, res, BLOB, { 'Docker-Content-Digest': DIGEST })
    }
  }

  async function answerUpload(req: IncomingMessage, res: ServerResponse, url: string) {
    const [path = '', query] = url.split('?')
    if (req.method === 'POST') {
      res.writeHead(202, { Location: `${path}${randomUUID()}` }).end()
    } else if (req.method === 'PATCH') {
      const hash = createHash('sha256')
      for await (const chunk of req) hash.update(chunk)
      uploads.set(path, `sha256:${hash.digest('hex')}`)
      res.writeHead(202, { Location: path }).end()
    } else if (uploads.get(path) === new URLSearchParams(query).get('digest')) {
      uploads.delete(path)
      pushed++
      res.writeHead(201, { Location: `/v2/acme/app/blobs/${DIGEST}` }).end()
    } else {
      fail(res, 400, 'DIGEST_INVALID')
    }
  }

  return {
    host,
    store: storeOrigin,
    pushed: () => pushed,
    async close() {
      await Promise.all([stop(server), stop(store)])
    },
  }
}
