import { apiHost, type Host } from '../model/host.ts'

/** A registry, as far as its tokens are concerned. */
export interface Upstream {
  readonly host: Host
  /** `false` is plain http. */
  readonly tls: boolean
  /** Origins beside its own that its credentials may go to for a token. */
  readonly realms: readonly string[]
}

/** The URL at which a registry's API begins. */
export function apiUrl({ host, tls }: Upstream): URL {
  return new URL(`${tls ? 'https' : 'http'}://${apiHost(host)}/v2/`)
}
