import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { fail, sendJson } from './http.ts'

/** Who may come in. `bearer` sends clients to the registry's own `/token`. */
export type FakeAuth =
  | { readonly kind: 'none' }
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | {
      readonly kind: 'bearer'
      readonly username: string
      readonly password: string
      /** As the world calls it. Default: by its own address. */
      readonly realm?: string
    }

export interface Gate {
  mayEnter(req: IncomingMessage, url: URL): boolean
  challenge(req: IncomingMessage, res: ServerResponse, url: URL): void
  sendToken(req: IncomingMessage, res: ServerResponse, url: URL): void
  /** The scopes that tokens were asked for, a request each. */
  readonly tokens: readonly string[]
  revokeTokens(): void
}

/** What stands before a registry at `origin`. */
export function createGate(auth: FakeAuth, origin: () => string): Gate {
  const granted = new Map<string, readonly string[]>()
  const tokens: string[] = []

  function mayEnter(req: IncomingMessage, url: URL): boolean {
    const header = req.headers.authorization ?? ''
    if (auth.kind === 'none') return true
    if (auth.kind === 'basic') return header === basic(auth)
    const scopes = granted.get(header.replace(/^Bearer /, ''))
    return scopes !== undefined && scopesOf(req, url).every((scope) => covers(scopes, scope))
  }

  function challenge(req: IncomingMessage, res: ServerResponse, url: URL): void {
    const scope = scopesOf(req, url).join(' ')
    const wanted =
      auth.kind === 'bearer'
        ? `Bearer realm="${auth.realm ?? `${origin()}/token`}",service="fake"${scope === '' ? '' : `,scope="${scope}"`}`
        : 'Basic realm="fake"'
    res.setHeader('WWW-Authenticate', wanted)
    fail(res, 401, 'UNAUTHORIZED')
  }

  function sendToken(req: IncomingMessage, res: ServerResponse, url: URL): void {
    const scopes = url.searchParams.getAll('scope')
    tokens.push(scopes.join(' '))
    if (auth.kind === 'bearer' && req.headers.authorization !== basic(auth)) {
      fail(res, 401, 'UNAUTHORIZED')
    } else {
      const token = randomUUID()
      granted.set(token, scopes)
      sendJson(res, 200, { token, expires_in: 300 })
    }
  }

  return { mayEnter, challenge, sendToken, tokens, revokeTokens: () => granted.clear() }
}

/** The scopes that a request needs, as distribution computes them. */
function scopesOf(req: IncomingMessage, url: URL): readonly string[] {
  const name = /^\/v2\/(.+?)\/(?:blobs|manifests|tags|referrers)\//.exec(url.pathname)?.[1]
  if (name === undefined) return []
  const from = url.searchParams.get('from')
  const scopes = [`repository:${name}:${actionsOf(req.method)}`]
  return from === null ? scopes : [...scopes, `repository:${from}:pull`]
}

function actionsOf(method: string | undefined): string {
  if (method === 'DELETE') return 'delete'
  return method === 'GET' || method === 'HEAD' ? 'pull' : 'pull,push'
}

function covers(granted: readonly string[], wanted: string): boolean {
  const [, name, actions = ''] = /^repository:(.+):([a-z,]+)$/.exec(wanted) ?? []
  return granted.some((scope) => {
    const [, grantedName, grantedActions = ''] = /^repository:(.+):([a-z,]+)$/.exec(scope) ?? []
    const held = new Set(grantedActions.split(','))
    return name === grantedName && actions.split(',').every((action) => held.has(action))
  })
}

function basic({ username, password }: { readonly username: string; readonly password: string }) {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}
