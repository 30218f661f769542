import { apiHost, type Host } from '../model/host.ts'

/** A registry, as far as its tokens are concerned. */
export interface Upstream {
  readonly host: Host
  /** `false` is plain http. */
  readonly tls: boolean
  /** Origins beside its own that its credentials may go to for a token. */
  readonly realms: readonly string[]
}

/** The origin of a registry: its credentials go nowhere else but to a realm that is approved. */
export function originOf({ host, tls }: Pick<Upstream, 'host' | 'tls'>): string {
  return `${tls ? 'https' : 'http'}://${apiHost(host)}`
}

/** The URL at which a registry's API begins. */
export function apiUrl(upstream: Upstream): URL {
  return new URL(`${originOf(upstream)}/v2/`)
}
