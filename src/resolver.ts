import type { Login } from './model/login.ts'
import type { Target } from './model/target.ts'

/** The answer to a target: a login, and how it came about. */
export interface Resolution {
  readonly login: Login
  /** The source that held the credential, as in {@link Source.name}. */
  readonly source: string
  /** Where in the source it was, for people. */
  readonly from: string
  /** The kind of registry, as in {@link Registry.name}. */
  readonly registry: string
}

/** Answers which login belongs to a target. The agent's client is one too. */
export interface Resolver {
  /**
   * @returns `undefined` if no source holds a credential for `target`.
   * @throws if one holds a credential that cannot be used, or that the registry's cloud refused:
   * never a weaker identity, because something broke.
   */
  resolve(target: Target, signal: AbortSignal): Promise<Resolution | undefined>
}
