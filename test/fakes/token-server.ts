import { randomUUID } from 'node:crypto'
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { ServerCertificate } from './certificates.ts'
import { listen, read, sendJson, stop } from './http.ts'

/** What a token service was asked. */
interface Asked {
  readonly method: string
  readonly path: string
  /** Of a GET's query or a POST's form. */
  readonly params: URLSearchParams
  readonly authorization: string | undefined
}

/** Does something else than to answer with a token. */
export type Misbehaviour = (req: IncomingMessage, res: ServerResponse) => void

export interface TokenServerOptions {
  /** https, if there is one. */
  readonly certificate?: ServerCertificate
  /** Who gets more than an anonymous token. */
  readonly user?: { readonly username: string; readonly password: string }
  /** The refresh token that POST takes. */
  readonly refreshToken?: string
  /** Whether a token is given to nobody in particular. Default: true. */
  readonly anonymous?: boolean
  /** What the answer says beside the token. Default: `expires_in` of 300. */
  readonly fields?: Readonly<Record<string, unknown>>
}

/** A real token service on loopback. */
export interface TokenServer {
  readonly port: number
  readonly realm: string
  readonly asked: readonly Asked[]
  /** Tokens that were given, the last one last. */
  readonly given: readonly string[]
  misbehave(how: Misbehaviour | undefined): void
  close(): Promise<void>
}

export async function startTokenServer(options: TokenServerOptions = {}): Promise<TokenServer> {
  const asked: Asked[] = []
  const given: string[] = []
  let misbehaviour: Misbehaviour | undefined

  const handle = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const url = new URL(req.url ?? '/', 'http://localhost')
    const form = await read(req)
    const { method = '', headers } = req
    const params = method === 'POST' ? new URLSearchParams(form.toString()) : url.searchParams
    asked.push({ method, path: url.pathname, params, authorization: headers.authorization })
    if (misbehaviour !== undefined) return misbehaviour(req, res)
    if (!mayHaveToken(options, method, headers.authorization, params)) {
      return sendJson(res, 401, { details: 'incorrect username or password' })
    }
    const token = randomUUID()
    given.push(token)
    sendJson(res, 200, { token, expires_in: 300, ...options.fields })
  }
  const listener: RequestListener = (req, res) => void handle(req, res)
  const { certificate } = options
  const server =
    certificate === undefined
      ? createHttpServer(listener)
      : createHttpsServer(certificate, listener)
  const port = await listen(server)
  return {
    port,
    realm: `${certificate === undefined ? 'http' : 'https'}://127.0.0.1:${port}/token`,
    asked,
    given,
    misbehave(how) {
      misbehaviour = how
    },
    close: () => stop(server),
  }
}

function mayHaveToken(
  { user, refreshToken, anonymous = true }: TokenServerOptions,
  method: string,
  authorization: string | undefined,
  params: URLSearchParams,
): boolean {
  if (method === 'POST') {
    const grant = params.get('grant_type')
    return grant === 'refresh_token' && params.get('refresh_token') === refreshToken
  }
  if (authorization === undefined) return anonymous
  if (user === undefined) return false
  const pair = Buffer.from(`${user.username}:${user.password}`).toString('base64')
  return authorization === `Basic ${pair}`
}

/** Answers with chunks until the client has enough, and counts them. */
export function endlessBody(sent: { bytes: number }): Misbehaviour {
  return (_, res) => {
    res.writeHead(200, { 'Content-Type': 'application/json' })
    speakForEver(res, sent)
  }
}

/** Sends what has no end, after headers that have. */
export function speakForEver(res: ServerResponse, sent: { bytes: number }): void {
  const chunk = Buffer.alloc(64 * 1024, ' ')
  const more = () => {
    // 1 GiB is the end of it, so that a client which never has enough ends the test too.
    while (sent.bytes < 1024 ** 3 && !res.destroyed) {
      sent.bytes += chunk.length
      if (!res.write(chunk)) return void res.once('drain', more)
    }
    res.end()
  }
  more()
}
