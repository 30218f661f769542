import { type OpenedLease, openLease as open, requestFor } from '../doors/agent.ts'
import type { Upstream } from './registry.ts'
import type { Sandbox } from './sandbox.ts'

/** A lease, and the sandbox of its container. */
export interface Leased extends OpenedLease {
  /** Where clients have the lease's environment, and no configuration of their own. */
  readonly sandbox: Sandbox
}

/** Opens a lease for a registry's login, as a worker does before it starts a container. */
export async function openLease(
  sandbox: Sandbox,
  login: Pick<Upstream, 'host' | 'user' | 'password'>,
): Promise<Leased> {
  const lease = await open(sandbox.env['PURSER_HOME'] ?? '', requestFor(login))
  return { ...lease, sandbox: { ...sandbox, env: { ...sandbox.env, ...lease.environment } } }
}
