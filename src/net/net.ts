import type { Socket } from 'node:net'
import type { Dispatcher } from 'undici'
import type { Guard } from './guard.ts'

/** A lazy mounter reads up to 64 ranges at once, and another may do so beside it. */
export const CONNECTIONS_PER_ORIGIN = 128

/**
 * The only way out: every connection that carries a credential is opened by one of these.
 *
 * All verify certificates against the runtime's own roots and `[tls] ca`, whatever the environment
 * says, and honour `[connect]`.
 */
export interface Net {
  /** To registries, which the operator named: any address. */
  readonly upstream: Dispatcher
  /**
   * To token services, which a registry named: refuses to connect to an address that is not public
   * unless `allowPrivate` says that the policy has approved this origin. One whose name is known, and
   * was not chosen by whoever speaks for the registry, a proxy may look up where this machine cannot.
   */
  realm(options: { readonly allowPrivate: boolean; readonly isKnown?: boolean }): Dispatcher
  /**
   * Opens a connection to a registry, with TLS established if its origin has any; whoever asked for it
   * closes it.
   *
   * @param guard - default: `none`
   */
  open(origin: URL, signal: AbortSignal, guard?: Guard): Promise<Socket>
  /** Closes when what is under way has ended; nothing new may be asked. */
  end(): Promise<void>
  /** Closes every connection; what is still under way fails. */
  close(): Promise<void>
}
