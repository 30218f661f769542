import type { UpstreamConfig } from '../config/config.ts'
import { type Host, looksLikeHost, tryParseHost } from '../model/host.ts'

/** The registries that the proxy may reach. Whatever is not here is never dialled. */
export interface UpstreamTable {
  byHost(host: Host): UpstreamConfig | undefined | Promise<UpstreamConfig | undefined>
  byAlias(alias: string): UpstreamConfig | undefined
  /** By its host with each dot and colon written as a dash, unless that could be two. */
  byDashes(text: string): UpstreamConfig | undefined
}

/**
 * The table of the configured upstreams, and of those that `discover` knows: a host for which there
 * is a credential need not be configured as well.
 */
export function createUpstreamTable(
  configured: readonly UpstreamConfig[],
  discover: (host: Host) => Promise<UpstreamConfig | undefined> = async () => undefined,
): UpstreamTable {
  const hosts = new Map(configured.map((upstream) => [upstream.host.name, upstream]))
  const aliases = new Map(
    configured.flatMap((upstream) =>
      upstream.alias === undefined ? [] : [[upstream.alias, upstream] as const],
    ),
  )
  const dashed = Map.groupBy(configured, ({ host }) => host.name.replace(/[.:]/g, '-'))
  return {
    byHost: (host) => hosts.get(host.name) ?? discover(host),
    byAlias: (alias) => aliases.get(alias),
    byDashes(text) {
      const [found, another] = dashed.get(text) ?? []
      return another === undefined ? found : undefined
    },
  }
}

/** The upstream that stands before `.localhost`: `ghcr.io`, `ghcr-io` or an alias. */
export function upstreamCalled(
  table: UpstreamTable,
  label: string,
): UpstreamConfig | undefined | Promise<UpstreamConfig | undefined> {
  return table.byDashes(label) ?? upstreamNamed(table, label)
}

/**
 * The upstream that a path's first component names, by alias or host.
 *
 * A colon cannot stand in a repository's name, so `host:5000` is written `host_5000`; no host has
 * an underscore of its own.
 */
export function upstreamNamed(
  table: UpstreamTable,
  component: string,
): UpstreamConfig | undefined | Promise<UpstreamConfig | undefined> {
  return table.byAlias(component) ?? upstreamWritten(table, component)
}

/** The upstream whose host a path's first component is; no alias stands for it. */
export function upstreamWritten(
  table: UpstreamTable,
  component: string,
): UpstreamConfig | undefined | Promise<UpstreamConfig | undefined> {
  const host = hostOfComponent(component)
  return host === undefined ? undefined : table.byHost(host)
}

function hostOfComponent(component: string): Host | undefined {
  const text = component.replace(/_([0-9]{1,5})$/, ':$1')
  return looksLikeHost(text) ? tryParseHost(text) : undefined
}
