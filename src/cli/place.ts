import { isIP } from 'node:net'
import { PurserError } from '../model/errors.ts'
import { isRepository } from '../model/grammar.ts'
import { type Host, parseHost, quote } from '../model/host.ts'
import { parseReference } from '../model/reference.ts'

/** A registry, or a part of it. */
export interface Place {
  readonly host: Host
  readonly repository: string | undefined
}

/**
 * Reads `IMAGE|HOST`: without a slash, what has a dot before any colon, is `localhost` or an
 * address is a host; all else names an image, as docker reads it.
 *
 * @throws `host-invalid`, `reference-invalid`
 */
export function parsePlace(text: string): Place {
  if (isHost(text)) return { host: parseHost(text), repository: undefined }
  const { host, repository } = parseReference(text)
  return { host, repository }
}

/** Reads `HOST[/PREFIX]`. @throws `host-invalid`, `usage` */
export function parseHostAndPrefix(text: string): { readonly host: Host; readonly prefix: string } {
  if (text.includes('://')) {
    throw new PurserError('usage', `cannot read ${quote(text)} as HOST[/PREFIX]`, {
      hint: 'leave out the scheme, as in ghcr.io or ghcr.io/acme',
    })
  }
  const slash = text.indexOf('/')
  const host = parseHost(slash === -1 ? text : text.slice(0, slash))
  const prefix = slash === -1 ? '' : text.slice(slash + 1).replace(/\/$/, '')
  if (prefix !== '' && !isRepository(prefix)) {
    throw new PurserError('usage', `cannot read ${quote(prefix)} as the start of a repository`, {
      hint: 'write it in lower case and without a tag, as in ghcr.io/acme/app',
    })
  }
  return { host, prefix }
}

function isHost(text: string): boolean {
  if (text.includes('/') || text.includes('@')) return false
  if (text.startsWith('[')) return true
  const name = text.replace(/:.*$/, '')
  return name.includes('.') || name.toLowerCase() === 'localhost' || isIP(name) !== 0
}
