import type { Secret } from '../model/secret.ts'

/** A lease as an agent has opened it. */
export interface GrantedLease {
  readonly id: string
  readonly expiresAt: Date
  /** What makes clients use it. The lease's own secret is in it, and no other. */
  readonly environment: Readonly<Record<string, Secret>>
}

/** The leases of an agent, over its socket. */
export interface LeaseClient {
  /** @param text - the request's JSON */
  open(text: string, workspace: string, signal: AbortSignal): Promise<GrantedLease>
  /** Gives it a day more. @returns `false` if it has ended */
  renew(id: string, signal: AbortSignal): Promise<boolean>
  close(id: string, signal: AbortSignal): Promise<void>
}
