import type { Kind } from './ask.ts'
import { has, type Query, without } from './query.ts'

/** What a request asks of its registry, as parsed. */
interface Asked {
  readonly kind: Kind
  readonly repository: string
  readonly reference: string
  readonly query: Query
  readonly digest: string | undefined
  readonly from: string | undefined
}

/**
 * The path and query of a request at its registry: made of what was parsed, never of what was sent.
 *
 * @returns of an upload the query alone, since its path is sealed
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#endpoints
 */
export function pathOf({ kind, repository, reference, query, digest, from }: Asked): string {
  switch (kind) {
    case 'blob':
      return `/v2/${repository}/blobs/${reference}`
    case 'manifest':
      return `/v2/${repository}/manifests/${reference}`
    case 'referrers':
      return withQuery(`/v2/${repository}/referrers/${reference}`, without(query, 'ns'))
    case 'tags':
      return withQuery(`/v2/${repository}/tags/list`, without(query, 'ns'))
    case 'upload':
      return digest === undefined ? '' : `digest=${encodeURIComponent(digest)}`
    case 'uploads':
      return withQuery(`/v2/${repository}/blobs/uploads/`, startOf(query, digest, from))
  }
}

function startOf(query: Query, digest: string | undefined, from: string | undefined): string {
  if (digest === undefined) return ''
  if (!has(query, 'mount')) return `digest=${encodeURIComponent(digest)}`
  if (from === undefined) return ''
  return `mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(from)}`
}

function withQuery(path: string, query: string): string {
  return query === '' ? path : `${path}?${query}`
}
