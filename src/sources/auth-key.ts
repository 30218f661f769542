import { isRepository, isWithin } from '../model/grammar.ts'
import { type Host, isDockerHub, tryParseHost } from '../model/host.ts'
import type { Target } from '../model/target.ts'

/** What a key of docker's or podman's files stands for. */
export interface AuthPlace {
  readonly host: Host
  /** The start of the repositories that it is for; empty for all. */
  readonly prefix: string
}

const KEY = /^(?:https?:\/\/)?(?<authority>[^/]+)(?<path>\/.*)?$/i

/**
 * Reads a key: `host[:port]` as docker writes it, a URL of the registry's API as it once did, and for
 * Docker Hub still does, or `host/namespace` as podman does.
 *
 * @returns `undefined` for what names no registry, as docker's tokens for Docker Hub's website
 * @see https://github.com/containers/container-libs/blob/main/image/docs/containers-auth.json.5.md
 */
export function parseAuthKey(key: string): AuthPlace | undefined {
  const { authority = '', path = '' } = KEY.exec(key)?.groups ?? {}
  const host = tryParseHost(authority)
  if (host === undefined) return undefined
  const prefix = path.replace(/^\/|\/$/g, '')
  if (['', 'v1', 'v2'].includes(prefix)) return { host, prefix: '' }
  const isToken = isDockerHub(host) && prefix.startsWith('v1/')
  return isRepository(prefix) && !isToken ? { host, prefix } : undefined
}

/** Whether a question is about the place: a client that names no repository means the whole host. */
export function isAbout(target: Target, { host, prefix }: AuthPlace): boolean {
  return host.name === target.host.name && isWithin(target.repository ?? '', prefix)
}
