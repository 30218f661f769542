import type { UpstreamConfig } from './config/config.ts'
import { codeOf, describeError, hintOf, PurserError } from './model/errors.ts'
import { nameOf, type Target } from './model/target.ts'

/** A fault of a credential, told with whose it is and where that came from. */
export function faultOf(
  target: Pick<Target, 'host' | 'repository'>,
  from: string,
  cause: unknown,
): PurserError {
  const code = cause instanceof PurserError ? codeOf(cause) : 'exchange-failed'
  return new PurserError(code, `cannot log in to ${nameOf(target)} with ${from}`, { cause })
}

/** Whose fault it is about, and who hears that it was excused. */
export interface Excuse {
  readonly target: Pick<Target, 'host' | 'action'>
  readonly onFault: UpstreamConfig['onFault']
  /** Told in one line why there is no credential. */
  tell(why: string): void
}

/**
 * Lets a question go on as nobody's although there is a credential for it, if `on_fault` says so: a
 * public image is to be had all the same. Nothing but a pull is; what else fails shall say why.
 *
 * @throws the fault where it is not excused
 */
export function excuse(fault: unknown, { target, onFault, tell }: Excuse): void {
  if (onFault === 'fail' || target.action !== 'pull') throw fault
  const hint = hintOf(fault)
  const why = hint === undefined ? describeError(fault) : `${describeError(fault)} (${hint})`
  tell(`${why}; going on without, as on_fault of ${target.host.name} says`)
}
