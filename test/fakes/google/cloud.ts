import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { testAuthority } from '../certificates.ts'
import { listen, read, stop } from '../http.ts'
import type { Misbehaviour } from '../token-server.ts'
import { handleIamCredentials } from './iam-credentials.ts'
import { handleOauth2 } from './oauth2.ts'
import { type Asked, type Call, type GoogleOptions, LIFE_S, type State } from './state.ts'
import { handleSts } from './sts.ts'

/** Google's services that give tokens, on loopback and by their true names. */
export interface Google {
  /** For `[connect]`. */
  readonly connect: ReadonlyMap<string, string>
  readonly ca: string
  readonly calls: readonly Call[]
  /** Whose a token is; `undefined` if it was not given here, or has ended. */
  principalOf(token: string): string | undefined
  misbehave(how: Misbehaviour | undefined): void
  close(): Promise<void>
}

const HANDLERS: Readonly<Record<string, (asked: Asked) => void>> = {
  'oauth2.googleapis.com': handleOauth2,
  'sts.googleapis.com': handleSts,
  'sts.europe-west1.rep.googleapis.com': handleSts,
  'iamcredentials.googleapis.com': handleIamCredentials,
}

/** Names at which nobody must ask, and anybody could. */
const STRANGERS = ['oauth2.googleapis.com.evil.example', 'evil.example'] as const

export async function startGoogle(options: GoogleOptions = {}): Promise<Google> {
  const now = options.now ?? Date.now
  const tokens = new Map<string, string>()
  const ends = new Map<string, number>()
  const state: State = {
    options,
    now,
    calls: [],
    tokens,
    misbehaviour: undefined,
    issue(principal) {
      const token = `ya29.${randomUUID()}`
      tokens.set(token, principal)
      ends.set(token, now() + (options.lifeS ?? LIFE_S) * 1000)
      return token
    },
  }
  const handle = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const host = req.headers.host ?? ''
    const url = new URL(req.url ?? '/', `https://${host}`)
    const body = (await read(req)).toString()
    const grant = new URLSearchParams(body).get('grant_type')
    state.calls.push({ host, path: url.pathname, grant })
    res.setHeader('Date', new Date(now()).toUTCString())
    if (state.misbehaviour !== undefined) return state.misbehaviour(req, res)
    const handler = HANDLERS[host]
    if (handler === undefined) res.writeHead(421).end()
    else handler({ req, res, url, body, state })
  }
  const names = [...Object.keys(HANDLERS), ...STRANGERS]
  const certificate = testAuthority().certificateFor('oauth2.googleapis.com', ...names)
  const server = createServer(certificate, (req, res) => void handle(req, res))
  const port = await listen(server)
  return {
    connect: new Map(names.map((name) => [`${name}:443`, `127.0.0.1:${port}`])),
    ca: testAuthority().ca,
    calls: state.calls,
    principalOf: (token) => ((ends.get(token) ?? 0) > now() ? tokens.get(token) : undefined),
    misbehave(how) {
      state.misbehaviour = how
    },
    close: () => stop(server),
  }
}
