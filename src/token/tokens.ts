import type { Login } from '../model/login.ts'
import type { Secret } from '../model/secret.ts'
import type { Net } from '../net/net.ts'
import { basicHeader } from './basic.ts'
import { type BearerQuestion, createBearerTokens, type TokenOutcome } from './bearer.ts'
import { type Challenge, parseChallenges } from './challenge.ts'
import { createProbe, type Scheme } from './probe.ts'
import { limitScopes } from './scope.ts'
import type { Upstream } from './upstream.ts'

interface AuthorizationQuestion {
  readonly upstream: Upstream
  /** `undefined` asks as nobody: public images need a token too. */
  readonly login: Login | undefined
  /** As in `repository:library/alpine:pull`. */
  readonly scopes: readonly string[]
}

interface Refusal extends AuthorizationQuestion {
  /** What was sent. */
  readonly header: Secret | undefined
  /** The values of the answer's WWW-Authenticate headers. */
  readonly challenges: readonly string[]
}

/** Makes of a login what a registry takes. */
export interface Tokens {
  /**
   * The value of an Authorization header, good for a request that begins now; if it is a `lasting` one,
   * for half of a token's life as well.
   *
   * Neither the registry is asked how it wants to be logged in to, nor its token service for a
   * token, more often than it must.
   *
   * @returns `undefined` if the registry wants none, or wants a password and there is none.
   * @throws `policy` if the registry names a token service that its credentials may not go to;
   * `upstream-refused` if one of the two refuses; `credential-unsupported` if the registry takes no
   * login of this kind; `network`; the signal's reason.
   */
  authorizationFor(
    question: AuthorizationQuestion & { readonly lasting?: boolean; readonly signal: AbortSignal },
  ): Promise<Secret | undefined>
  /**
   * Takes in a 401: forgets the token that was refused, but not a newer one, and believes what the
   * registry asks for instead. Whoever tells it may ask again, once, and sees by the header whether
   * that makes a difference.
   */
  refused(refusal: Refusal): void
}

/** What registries and their token services are asked with. */
export interface TokensOptions {
  readonly net: Pick<Net, 'upstream' | 'realm'>
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Milliseconds since the machine started, its sleep included. Default: by the wall clock alone. */
  readonly uptime?: () => number
  /** Is told, by host, of each token that was needed. */
  readonly seen?: (host: string, outcome: TokenOutcome) => void
}

/**
 * Makes the token layer; nobody is asked yet.
 *
 * @see https://distribution.github.io/distribution/spec/auth/token/
 */
export function createTokens({ net, now, uptime = now, seen }: TokensOptions): Tokens {
  const probe = createProbe({ net, now })
  const bearer = createBearerTokens({
    net,
    clock: { now, uptime },
    seen: ({ host }, outcome) => seen?.(host.name, outcome),
  })

  return {
    async authorizationFor({ upstream, login, scopes, lasting = false, signal }) {
      const scheme = await probe.schemeOf(upstream, signal)
      switch (scheme.kind) {
        case 'none':
          return undefined
        case 'basic':
          return login === undefined ? undefined : basicHeader(upstream.host, login)
        case 'bearer':
          return bearer.header(
            { ...bearerQuestion(scheme, { upstream, login, scopes }), lasting },
            signal,
          )
      }
    },
    refused({ header, challenges, ...question }) {
      const parsed = parseChallenges(challenges)
      const before = probe.known(question.upstream)
      probe.learn(question.upstream, parsed)
      const after = probe.known(question.upstream)
      if (before?.kind === 'bearer' && header !== undefined) {
        bearer.drop(bearerQuestion(before, question), header)
      }
      if (after?.kind === 'bearer') {
        const { scopes } = question
        bearer.widen(bearerQuestion(after, question), limitScopes(scopesIn(parsed), scopes))
      }
    },
  }
}

function scopesIn(challenges: readonly Challenge[]): readonly string[] {
  const bearer = challenges.find(({ scheme }) => scheme === 'bearer')
  return bearer?.params.get('scope')?.split(' ') ?? []
}

function bearerQuestion(
  { realm, service }: Extract<Scheme, { readonly kind: 'bearer' }>,
  question: AuthorizationQuestion,
): BearerQuestion {
  return { ...question, realm, service }
}
