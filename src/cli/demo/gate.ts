import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { Secret } from '../../model/secret.ts'

/** How a demo registry wants its clients to log in. */
export interface GateOptions {
  readonly scheme: 'basic' | 'bearer'
  /** The registry's own name, as its challenges carry it. */
  readonly host: string
  readonly username: string
  readonly password: Secret
}

/** What stands before a registry. */
export interface Gate {
  admits(request: IncomingMessage, url: URL): boolean
  /** The `WWW-Authenticate` for a request that was not admitted. */
  challenge(request: IncomingMessage, url: URL): string
  /** @returns a token for the scopes that the URL asks for; `undefined` without the right login. */
  grant(request: IncomingMessage, url: URL): string | undefined
}

/** Tokens given out and not used up; a demo needs some dozens. */
const MAX_TOKENS = 1_000

/**
 * Admits by Basic (RFC 7617), or by bearer tokens for one repository and action each.
 *
 * @see https://distribution.github.io/distribution/spec/auth/token/
 */
export function createGate({ scheme, host, username, password }: GateOptions): Gate {
  const tokens = new Map<string, readonly string[]>()

  function knowsLogin(request: IncomingMessage): boolean {
    const pair = Buffer.from(`${username}:${password.reveal()}`).toString('base64')
    return new Secret(request.headers.authorization ?? '').equals(new Secret(`Basic ${pair}`))
  }

  return {
    admits(request, url) {
      if (scheme === 'basic') return knowsLogin(request)
      const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? ''
      const wanted = scopeOf(request, url)
      const granted = tokens.get(token)
      return granted !== undefined && (wanted === undefined || covers(granted, wanted))
    },
    challenge(request, url) {
      if (scheme === 'basic') return `Basic realm="${host}"`
      const scope = scopeOf(request, url)
      const wanted = scope === undefined ? '' : `,scope="${scope.name}:${scope.actions.join(',')}"`
      return `Bearer realm="http://${host}/token",service="${host}"${wanted}`
    },
    grant(request, url) {
      if (scheme !== 'bearer' || !knowsLogin(request) || tokens.size >= MAX_TOKENS) return undefined
      const token = randomBytes(24).toString('base64url')
      tokens.set(token, url.searchParams.getAll('scope'))
      return token
    },
  }
}

interface Scope {
  /** `repository:NAME` */
  readonly name: string
  readonly actions: readonly string[]
}

function scopeOf({ method }: IncomingMessage, url: URL): Scope | undefined {
  const repository = /^\/v2\/(.+?)\/(?:blobs|manifests)\//.exec(url.pathname)?.[1]
  if (repository === undefined) return undefined
  const reads = method === 'GET' || method === 'HEAD'
  return { name: `repository:${repository}`, actions: reads ? ['pull'] : ['pull', 'push'] }
}

function covers(granted: readonly string[], { name, actions }: Scope): boolean {
  return granted.some((scope) => {
    const end = scope.lastIndexOf(':')
    const held = scope.slice(end + 1).split(',')
    return scope.slice(0, end) === name && actions.every((action) => held.includes(action))
  })
}
