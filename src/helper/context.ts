import type { UpstreamConfig } from '../config/config.ts'
import type { Host } from '../model/host.ts'
import type { Target } from '../model/target.ts'
import type { Log } from '../observe/log.ts'
import type { Resolver } from '../resolver.ts'
import type { Source } from '../sources/source.ts'
import type { Vault } from '../vault/vault.ts'

/** What the helper's actions work with; what costs time is a function, called by those who need it. */
export interface HelperContext {
  readonly version: string
  readonly workspace: string
  /** The one answer of all front doors: the agent's, where there is one. */
  readonly resolver: Resolver
  /** The resolver's sources, in this process and in its order. */
  openSources(): Promise<readonly Source[]>
  /** What becomes of a question whose credential cannot be used. */
  onFault(target: Target): Promise<UpstreamConfig['onFault']>
  /** Tells the client's user what does not go as was meant, beside the answer. */
  complain(kind: 'warning' | 'error', text: string): void
  openVault(): Promise<Vault>
  /** The hosts for which a source other than the vault may hold a credential. */
  findHosts(): Promise<readonly Host[]>
  /** Whether nothing is known of the host but its name: no cloud's, no platform's registry. */
  isGeneric(host: Host): Promise<boolean>
  readonly log: Log
}
