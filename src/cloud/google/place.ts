import type { Agent } from 'node:https'
import type { Secret } from '../../model/secret.ts'

/** Where a question to Google is asked from. */
export interface GooglePlace {
  /** The operator's own. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly httpsAgent: Agent
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly signal: AbortSignal
  /** Kills a process that leads a group, and its group. Default: what a program has started lives on. */
  readonly killGroup?: ((pid: number) => void) | undefined
}

/** What Google gives for an identity. */
export interface GoogleToken {
  readonly token: Secret
  /** `undefined` if it has no end that anybody has told. */
  readonly expiresAt: Date | undefined
}
