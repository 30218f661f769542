import type { Host } from './host.ts'

/** What a client wants to do in a repository. */
export type Action = 'pull' | 'push' | 'delete'

/** The question that a resolver answers: which credential, for what, for whom. */
export interface Target {
  readonly workspace: string
  readonly host: Host
  /** `undefined` if the client named no repository: a docker client asks by host alone. */
  readonly repository: string | undefined
  readonly action: Action
  /** The name of the vault's entry to prefer where there are several for the same place. */
  readonly entry?: string
}

/** The workspace of whoever names none. */
export const DEFAULT_WORKSPACE = 'default'

/** `host` or `host/repository`, as a person writes it. */
export function nameOf(target: Pick<Target, 'host' | 'repository'>): string {
  return target.repository === undefined
    ? target.host.name
    : `${target.host.name}/${target.repository}`
}
