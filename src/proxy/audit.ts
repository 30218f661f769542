import { createLru } from '../cache/lru.ts'
import type { Log } from '../observe/log.ts'

/** What somebody wanted to do, and where. */
export interface Deed {
  /** The registry's host. */
  readonly host: string
  readonly repository: string
  readonly action: string
}

/** What became of it. */
interface Decision {
  readonly decision: /** It went to the registry with a credential. */
    | 'granted'
    /** It went without, as nobody. */
    | 'anonymous'
    /** The configuration does not allow it. */
    | 'denied'
    /** There is a credential, and it cannot be used. */
    | 'failed'
    /** The registry does not take the credential. */
    | 'refused'
  /** Which source's credential it was, as the order of sources names it. */
  readonly source?: string | undefined
  /** Where in the source it was, for people. */
  readonly from?: string | undefined
  readonly reason?: string | undefined
}

/** Tells who has used whose credential for what. */
export type Audit = (deed: Deed, decision: Decision) => void

/** Who is served, and who is told. */
export interface AuditOptions {
  /** The lease's id; absent for all who need none. */
  readonly client?: string | undefined
  readonly workspace: string
  readonly log: Log
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** Ranged reads ask the same thousands of times a second: once a minute says as much. */
const SAME_MS = 60_000
/** As many as there are authorizations at a time. */
const CAPACITY = 4_096

/** Makes an audit, which tells the same once a minute. */
export function createAudit({ client, workspace, log, now }: AuditOptions): Audit {
  const told = createLru<number>(CAPACITY)
  return ({ host, repository, action }, { decision, source, from, reason }) => {
    const key = JSON.stringify([host, repository, action, decision, from, reason])
    const last = told.get(key)
    const at = now()
    if (last !== undefined && at >= last && at - last < SAME_MS) return
    told.set(key, at)
    const deed = { client, workspace, host, repository, action }
    log.info('audit', { ...deed, decision, source, from, reason })
  }
}
