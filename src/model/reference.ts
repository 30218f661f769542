import { PurserError } from './errors.ts'
import { isRepository, isTag } from './grammar.ts'
import { type Host, looksLikeHost, parseHost, quote, repositoryAt, tryParseHost } from './host.ts'

/** An image's name, taken apart. */
export interface Reference {
  readonly host: Host
  readonly repository: string
  readonly tag: string | undefined
  readonly digest: string | undefined
}

/** 255 for the name and the tag's 128, a digest's, and room for a scheme. */
const MAX_LENGTH = 1024

/** Docker's: narrower than the specification's, which knows no least length. */
const DIGEST = /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[A-Za-z0-9=_-]{32,256}$/

/**
 * Parses an image's name as docker does: `[host/]repository[:tag][@digest]`.
 *
 * What stands before the first slash is a host if it has a dot or a colon or is `localhost`; else
 * the image is Docker Hub's, in `library/` if its name is a single word. `docker://` and `oci://` in
 * front are left out.
 *
 * @throws `reference-invalid`
 * @see https://pkg.go.dev/github.com/distribution/reference for the grammar
 */
export function parseReference(text: string): Reference {
  const reference = text.length > MAX_LENGTH ? undefined : tryParse(text)
  if (reference !== undefined) return reference
  throw new PurserError('reference-invalid', `cannot read ${quote(text)} as an image`, {
    hint: 'write host/repository:tag, as in ghcr.io/acme/app:1.2',
  })
}

/** The name that {@link parseReference} reads as this one. */
export function writeReference({ host, repository, tag, digest }: Reference): string {
  const end = `${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`
  return `${host.name}/${repository}${end}`
}

function tryParse(text: string): Reference | undefined {
  const [named = '', digest, ...more] = text.replace(/^(?:docker|oci):\/\//, '').split('@')
  if (more.length > 0 || (digest !== undefined && !DIGEST.test(digest))) return undefined
  const place = splitHost(named)
  if (place === undefined) return undefined
  const { host, path } = place
  // The last colon starts the tag: a repository has none.
  const colon = path.lastIndexOf(':')
  const name = colon === -1 ? path : path.slice(0, colon)
  const tag = colon === -1 ? undefined : path.slice(colon + 1)
  if ((tag !== undefined && !isTag(tag)) || !isRepository(name)) return undefined
  return { host, repository: repositoryAt(host, name), tag, digest }
}

function splitHost(named: string): { readonly host: Host; readonly path: string } | undefined {
  const slash = named.indexOf('/')
  const first = slash === -1 ? '' : named.slice(0, slash)
  if (!looksLikeHost(first)) return { host: parseHost('docker.io'), path: named }
  const host = tryParseHost(first)
  return host && { host, path: named.slice(slash + 1) }
}
