import { createLru } from '../cache/lru.ts'
import { createMemo } from '../cache/memo.ts'
import { excuse, faultOf } from '../fault.ts'
import { codeOf, describeError, PurserError, statusOf } from '../model/errors.ts'
import { sameLogin } from '../model/login.ts'
import type { Secret } from '../model/secret.ts'
import type { Log } from '../observe/log.ts'
import type { Resolution, Resolver } from '../resolver.ts'
import type { Tokens } from '../token/tokens.ts'
import type { Audit } from './audit.ts'
import { deedOf, type Route } from './route.ts'
import type { Traffic } from './traffic.ts'

/** With what a request goes to the registry. */
export interface Authorization {
  readonly header: Secret | undefined
  /** Whose login it is; `undefined` is nobody's. */
  readonly resolution: Resolution | undefined
  /** Why it is nobody's although there is a credential. */
  readonly why?: string
}

/** Finds what belongs on a request. */
export interface Authorizer {
  /** @throws if there is a credential that cannot be used, and the upstream's `on_fault` is `fail`. */
  authorize(route: Route): Authorization | Promise<Authorization>
  /**
   * What to try with in place of one that the registry has refused, and would again.
   *
   * @returns `undefined` unless the upstream's `on_fault` is `anonymous`
   */
  doWithout(route: Route, refused: Authorization): Promise<Authorization | undefined>
  /** Forgets one that the registry has refused. */
  refused(route: Route, authorization: Authorization, challenges: readonly string[]): void
}

/** Who is asked for a login and for a token, and in which workspace. */
export interface AuthorizerOptions {
  readonly resolver: Resolver
  readonly tokens: Tokens
  readonly traffic: Pick<Traffic, 'token'>
  readonly workspace: string
  readonly audit: Audit
  readonly log: Log
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/**
 * How long an answer is given again unasked, unless the vault has changed meanwhile. Ranged reads ask
 * the same thousands of times a second; what else may change tells nobody.
 */
const MEMO_MS = 1_000
/** A node mounts hundreds of images at a time, of one or two repositories each. */
const MEMO_CAPACITY = 4_096

/** Resolver and token service together, each with its own limits, are given this long. */
const AUTHORIZE_TIMEOUT_MS = 60_000

/**
 * A registry that answers 401 where it means "not yours" would have a new login minted for each
 * request, and 12 in an hour are all that there are: so one that was minted is believed for a while.
 */
const FORGET_EVERY_MS = 5 * 60_000
/** One for each credential that is in use. */
const FORGET_CAPACITY = 1_000

/** Makes an authorizer, which remembers an answer for a second. */
export function createAuthorizer(options: AuthorizerOptions): Authorizer {
  const { resolver, tokens, traffic, workspace, audit, log, now } = options
  const memo = createMemo<Authorization>({
    ...{ now, ttlMs: MEMO_MS, capacity: MEMO_CAPACITY },
    mark: () => resolver.revision?.(),
  })
  const forgotten = createLru<number>(FORGET_CAPACITY)

  async function ask(route: Route): Promise<Authorization> {
    const signal = AbortSignal.timeout(AUTHORIZE_TIMEOUT_MS)
    try {
      const resolution = await resolver.resolve(targetOf(route), signal)
      const authorization = await authorizeAs(route, resolution, signal)
      const { source, from } = authorization.resolution ?? {}
      const decision = source === undefined ? 'anonymous' : 'granted'
      audit(deedOf(route), { decision, source, from })
      return isLasting(route) ? await outlast(route, authorization, signal) : authorization
    } catch (error) {
      return await authorizeAsNobody(route, error)
    }
  }

  /** Where the login itself is what is sent, it is the login that must outlive the upload. */
  async function outlast(
    route: Route,
    authorization: Authorization,
    signal: AbortSignal,
  ): Promise<Authorization> {
    const { resolution, header } = authorization
    if (resolution?.login.expiresAt === undefined || !isLogin(header)) return authorization
    try {
      const renewed = await resolver.renew?.(targetOf(route), signal, (lifeMs) => lifeMs / 2)
      if (renewed === undefined || sameLogin(renewed.login, resolution.login)) return authorization
      return { header: await headerFor(route, renewed, signal), resolution: renewed }
    } catch (error) {
      // It is good as yet, and most uploads are short.
      const { host } = route.upstream
      log.warn('login not renewed for an upload', { host: host.name, error: describeError(error) })
      return authorization
    }
  }

  async function authorizeAsNobody(route: Route, fault: unknown): Promise<Authorization> {
    const { repository, upstream } = route
    const fields = { host: upstream.host.name, repository }
    let why = describeError(fault)
    try {
      const target = targetOf(route)
      excuse(fault, { target, onFault: upstream.onFault, tell: (told) => (why = told) })
    } catch (error) {
      audit(deedOf(route), { decision: 'failed', reason: why })
      log.error('credential cannot be used', { ...fields, error: why })
      throw error
    }
    audit(deedOf(route), { decision: 'anonymous', reason: why })
    log.warn('credential cannot be used, trying without', { ...fields, error: why })
    // A time of its own: the other may be what has run out.
    const signal = AbortSignal.timeout(AUTHORIZE_TIMEOUT_MS)
    const header = await headerFor(route, undefined, signal)
    return { header, resolution: undefined, why }
  }

  /** The token service may find before the registry that a login has ended: once, it gets another. */
  async function authorizeAs(
    route: Route,
    resolution: Resolution | undefined,
    signal: AbortSignal,
  ): Promise<Authorization> {
    try {
      return { header: await headerFor(route, resolution, signal), resolution }
    } catch (error) {
      if (resolution === undefined || !isRefusal(error)) throw error
      forget(route, resolution)
      const renewed = await resolver.resolve(targetOf(route), signal)
      if (renewed === undefined || sameLogin(renewed.login, resolution.login)) throw error
      return { header: await headerFor(route, renewed, signal), resolution: renewed }
    }
  }

  function targetOf({ upstream, repository, action }: Route) {
    return { workspace, host: upstream.host, repository, action }
  }

  function headerFor(
    route: Route,
    resolution: Resolution | undefined,
    signal: AbortSignal,
  ): Promise<Secret | undefined> {
    const { upstream, scopes } = route
    const header = tokens.authorizationFor({
      ...{ upstream, login: resolution?.login, scopes, signal },
      lasting: isLasting(route),
    })
    if (resolution === undefined) return header
    return header.catch((error: unknown) => {
      throw faultOf(targetOf(route), resolution.from, error)
    })
  }

  function forget({ upstream }: Route, { login, from }: Resolution): void {
    const key = `${upstream.host.name} ${from}`
    const last = forgotten.get(key)
    const agoMs = last === undefined ? FORGET_EVERY_MS : now() - last
    if (agoMs >= 0 && agoMs < FORGET_EVERY_MS) return
    forgotten.set(key, now())
    resolver.forget?.(login)
  }

  return {
    authorize(route) {
      const known = memo.get(keyOf(route), () => ask(route))
      if (!(known instanceof Promise) && isToken(known.header)) {
        traffic.token(route.upstream.host.name, 'hit')
      }
      return known
    },
    async doWithout(route, { resolution }) {
      const { upstream, action } = route
      if (resolution === undefined || upstream.onFault === 'fail' || action !== 'pull') {
        return undefined
      }
      const refused = new PurserError(
        'upstream-refused',
        `${upstream.host.name} refused it, status 401`,
      )
      const fault = faultOf(targetOf(route), resolution.from, refused)
      return authorizeAsNobody(route, fault)
    },
    refused(route, authorization, challenges) {
      const { upstream, repository, scopes } = route
      const { resolution, header } = authorization
      if (resolution !== undefined) {
        const { source, from } = resolution
        audit(deedOf(route), { decision: 'refused', source, from })
        log.warn('registry refused the credential', {
          host: upstream.host.name,
          repository,
          source,
        })
      }
      memo.drop(keyOf(route), authorization)
      // Of a token that is refused, the login may still be good: its token service will tell.
      if (resolution !== undefined && isLogin(header)) forget(route, resolution)
      tokens.refused({ upstream, login: resolution?.login, scopes, header, challenges })
    },
  }
}

/** Whether what was sent is the login itself, and no token made of it. */
function isLogin(header: Secret | undefined): boolean {
  return header?.reveal().startsWith('Basic ') === true
}

function isToken(header: Secret | undefined): boolean {
  return header?.reveal().startsWith('Bearer ') === true
}

/**
 * Whether a request may take hours, or ends an upload that did: some registries look at the end whether
 * the login is still good, and no client sends the gigabytes twice gladly.
 */
function isLasting({ kind, method, digest, from }: Route): boolean {
  if (kind === 'uploads') return digest !== undefined && from === undefined
  return kind === 'upload' && (method === 'PATCH' || method === 'PUT')
}

/** Whether a token service says no, rather than nothing; GitHub's says 403 of a token that ended. */
function isRefusal(error: unknown): boolean {
  const status = statusOf(error)
  return codeOf(error) === 'upstream-refused' && [400, 401, 403].includes(status ?? 0)
}

/** The action is not in the scopes alone: an upload's DELETE is a push, and asks for more. */
function keyOf(route: Route): string {
  const { action, upstream, scopes } = route
  return `${isLasting(route) ? 'long ' : ''}${action} ${upstream.host.name} ${scopes.join(' ')}`
}

/** Whether two of them would look the same to a registry. */
export function isSame({ header: a }: Authorization, { header: b }: Authorization): boolean {
  return a === undefined || b === undefined ? a === b : a.equals(b)
}
