import { describeError, hintOf, PurserError, systemCode } from '../model/errors.ts'
import { DEFAULT_WORKSPACE } from '../model/target.ts'
import { adviceOn, SILENCE } from '../net/advice.ts'
import type { Authorization } from './authorize.ts'
import { type Problem, problem } from './problem.ts'
import type { Outcome } from './relay.ts'
import type { Route } from './route.ts'

/** What the client got from the registry, or why it gets its answer from us. */
export type Delivery = Ending & {
  /** Which source's credential it was for; none if nobody's, or if nobody was asked. */
  readonly source?: string | undefined
  /** Whether the client had begun to send a body that is lost. */
  readonly lost?: boolean
}

type Ending = Extract<Outcome, { readonly kind: 'sent' | 'broken' | 'problem' }>

/** Of a registry that gave no answer. */
export function unreachable(route: Route, error: Error, lost = false): Delivery {
  const { name } = route.upstream.host
  if (systemCode(error) === 'UND_ERR_HEADERS_TIMEOUT') {
    return {
      ...answer(504, 'UNKNOWN', `${name} has not begun to answer in time; ${SILENCE}`),
      lost,
    }
  }
  const why =
    error instanceof PurserError ? describeError(error) : (systemCode(error) ?? error.name)
  const advice = hintOf(error) ?? adviceOn(error)
  const what = `no answer from ${name}: ${why}`
  return { ...answer(502, 'UNKNOWN', advice === undefined ? what : `${what}; ${advice}`), lost }
}

/** Without a WWW-Authenticate: the client's own credentials are not what is asked for. */
export function unauthorized(
  workspace: string,
  route: Route,
  { resolution, why }: Authorization,
): Delivery {
  const { name } = route.upstream.host
  if (why !== undefined) {
    const what = `${name} wants a login for ${route.action} of ${route.repository}`
    return answer(401, 'UNAUTHORIZED', `${what}: ${why}`)
  }
  const where = workspace === DEFAULT_WORKSPACE ? '' : ` --workspace ${workspace}`
  const login = `run: purser login ${name}${where}`
  if (resolution === undefined) {
    const what = `no credential for ${name} in workspace ${workspace}`
    return answer(401, 'UNAUTHORIZED', `${what}; ${login}`)
  }
  const what = `${name} refused ${resolution.from} for ${route.action} of ${route.repository}, status 401`
  // It may be good and allow less than this: the registry does not say which.
  const hint = resolution.source === 'vault' ? `; if it is not the right one, ${login}` : ''
  return answer(401, 'UNAUTHORIZED', `${what}${hint}`)
}

/** The credential is a new one by now, but the body is gone: clients send it again after a 503. */
export function tryAgain({ upstream }: Route): Delivery {
  const what = `the credential for ${upstream.host.name} ended meanwhile and was renewed`
  return { ...answer(503, 'UNKNOWN', `${what}: try again`), lost: true }
}

/** An answer of our own. */
export function answer(status: number, code: Problem['code'], message: string): Delivery {
  return { kind: 'problem', problem: problem(status, code, message) }
}
