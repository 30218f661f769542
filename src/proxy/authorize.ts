import { createMemo } from '../cache/memo.ts'
import { describeError } from '../model/errors.ts'
import type { Secret } from '../model/secret.ts'
import type { Log } from '../observe/log.ts'
import type { Resolution, Resolver } from '../resolver.ts'
import type { Tokens } from '../token/tokens.ts'
import type { Route } from './route.ts'

/** With what a request goes to the registry. */
export interface Authorization {
  readonly header: Secret | undefined
  /** Whose login it is; `undefined` is nobody's. */
  readonly resolution: Resolution | undefined
}

/** Finds what belongs on a request. */
export interface Authorizer {
  /** @throws if there is a credential that cannot be used, and the upstream's `on_fault` is `fail`. */
  authorize(route: Route): Authorization | Promise<Authorization>
  /** Forgets one that the registry has refused. */
  refused(route: Route, authorization: Authorization, challenges: readonly string[]): void
}

/** Who is asked for a login and for a token, and in which workspace. */
export interface AuthorizerOptions {
  readonly resolver: Resolver
  readonly tokens: Tokens
  readonly workspace: string
  readonly log: Log
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/**
 * How long an answer is given again unasked. Ranged reads ask the same thousands of times a second;
 * a person who logs out, or in as somebody else, shall not notice.
 */
const MEMO_MS = 1_000
/** A node mounts hundreds of images at a time, of one or two repositories each. */
const MEMO_CAPACITY = 4_096

/** Resolver and token service together, each with its own limits, are given this long. */
const AUTHORIZE_TIMEOUT_MS = 60_000

/** Makes an authorizer, which remembers an answer for a second. */
export function createAuthorizer(options: AuthorizerOptions): Authorizer {
  const { resolver, tokens, workspace, log, now } = options
  const memo = createMemo<Authorization>({ now, ttlMs: MEMO_MS, capacity: MEMO_CAPACITY })

  async function ask(route: Route): Promise<Authorization> {
    const signal = AbortSignal.timeout(AUTHORIZE_TIMEOUT_MS)
    try {
      const target = targetOf(route)
      const resolution = await resolver.resolve(target, signal)
      return { header: await headerFor(route, resolution, signal), resolution }
    } catch (error) {
      const { host, onFault } = route.upstream
      const fields = { host: host.name, repository: route.repository, error: describeError(error) }
      if (onFault === 'fail') {
        log.error('credential cannot be used', fields)
        throw error
      }
      log.warn('credential cannot be used, trying without', fields)
      return { header: await headerFor(route, undefined, signal), resolution: undefined }
    }
  }

  function targetOf({ upstream, repository, action }: Route) {
    return { workspace, host: upstream.host, repository, action }
  }

  function headerFor(
    { upstream, scopes }: Route,
    resolution: Resolution | undefined,
    signal: AbortSignal,
  ): Promise<Secret | undefined> {
    return tokens.authorizationFor({ upstream, login: resolution?.login, scopes, signal })
  }

  return {
    authorize: (route) => memo.get(keyOf(route), () => ask(route)),
    refused(route, authorization, challenges) {
      const { upstream, repository, scopes } = route
      const { resolution } = authorization
      if (resolution !== undefined) {
        const { source } = resolution
        log.warn('registry refused the credential', {
          host: upstream.host.name,
          repository,
          source,
        })
      }
      memo.drop(keyOf(route), authorization)
      if (resolution !== undefined) resolver.forget?.(resolution.login)
      const { header } = authorization
      tokens.refused({ upstream, login: resolution?.login, scopes, header, challenges })
    },
  }
}

/** The action is not in the scopes alone: an upload's DELETE is a push, and asks for more. */
function keyOf({ action, upstream, scopes }: Route): string {
  return `${action} ${upstream.host.name} ${scopes.join(' ')}`
}

/** Whether two of them would look the same to a registry. */
export function isSame({ header: a }: Authorization, { header: b }: Authorization): boolean {
  return a === undefined || b === undefined ? a === b : a.equals(b)
}
