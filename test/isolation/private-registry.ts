import { randomUUID } from 'node:crypto'
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttps } from 'node:https'
import { testAuthority } from '../fakes/certificates.ts'
import { fail, listen, read, sendJson, stop } from '../fakes/http.ts'

/** Whoever has a repository of that name, and the one password that opens it. */
export interface User {
  readonly name: string
  readonly password: string
}

/** A registry where `NAME/app` is that user's, and nobody else's to see. */
export interface PrivateRegistry {
  /** `127.0.0.1:PORT` */
  readonly host: string
  /** Under whose name it was asked for anything, a request each. */
  readonly visits: readonly string[]
  close(): Promise<void>
}

/** Of the signed URL to which a user is redirected. */
export function signatureOf({ password }: User): string {
  return `sig-${password}`
}

/** @param tls whether it speaks TLS, by a certificate of the test authority */
export async function startPrivateRegistry(
  users: readonly User[],
  tls: boolean,
): Promise<PrivateRegistry> {
  const visits: string[] = []
  const tokens = new Map<string, User>()

  function giveToken(req: IncomingMessage, res: ServerResponse): void {
    const [, encoded = ''] = req.headers.authorization?.split(' ') ?? []
    const [name, password] = Buffer.from(encoded, 'base64').toString().split(':')
    const user = users.find((each) => each.name === name && each.password === password)
    if (user === undefined) {
      fail(res, 401, 'UNAUTHORIZED')
      return
    }
    visits.push(user.name)
    const token = randomUUID()
    tokens.set(token, user)
    sendJson(res, 200, { token, expires_in: 300 })
  }

  function challenge(res: ServerResponse): void {
    const realm = `${tls ? 'https' : 'http'}://${host}/token`
    res.setHeader('WWW-Authenticate', `Bearer realm="${realm}",service="private"`)
    fail(res, 401, 'UNAUTHORIZED')
  }

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { pathname } = new URL(req.url ?? '/', `http://${host}`)
    await read(req)
    if (pathname === '/token') return giveToken(req, res)
    const user = tokens.get(req.headers.authorization?.replace('Bearer ', '') ?? '')
    if (user === undefined) return challenge(res)
    visits.push(user.name)
    const [, owner, what = ''] = /^\/v2\/([^/]+)\/app\/(.+)$/.exec(pathname) ?? []
    if (owner !== user.name) return fail(res, 403, 'DENIED')
    const redirect = `https://store.example/${owner}?X-Amz-Expires=900&sig=${signatureOf(user)}`
    if (what.startsWith('blobs/sha256:')) res.writeHead(307, { Location: redirect }).end()
    else if (what.startsWith('blobs/uploads/')) {
      res.writeHead(202, { Location: `/v2/${owner}/app/blobs/uploads/${randomUUID()}` }).end()
    } else sendJson(res, 200, { owner })
  }

  const listener = (req: IncomingMessage, res: ServerResponse) => void answer(req, res)
  const server = tls
    ? createHttps(testAuthority().certificateFor('127.0.0.1'), listener)
    : createHttp(listener)
  const host = `127.0.0.1:${await listen(server)}`
  return { host, visits, close: () => stop(server) }
}
