import { isTag } from '../model/grammar.ts'
import type { Kind } from './ask.ts'
import { has, type Query, single, without } from './query.ts'

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
      return withQuery(`/v2/${repository}/manifests/${reference}`, tagsOf(query))
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
  if (digest === undefined) return algorithmOf(query)
  if (!has(query, 'mount')) return `digest=${encodeURIComponent(digest)}`
  if (from === undefined) return ''
  return `mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(from)}`
}

/**
 * The tags that a manifest is to have that is pushed by its digest.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests-with-tags
 */
function tagsOf(query: Query): string {
  return query
    .filter(({ name, raw }) => name === 'tag' && isTag(raw))
    .map(({ raw }) => `tag=${raw}`)
    .join('&')
}

/**
 * Which digest an upload shall have in the end, for registries that hash as it comes.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#post-then-put
 */
function algorithmOf(query: Query): string {
  const algorithm = single(query, 'digest-algorithm')
  const plain = typeof algorithm === 'string' && /^[a-z0-9]+(?:[+._-][a-z0-9]+)*$/.test(algorithm)
  return plain ? `digest-algorithm=${encodeURIComponent(algorithm)}` : ''
}

function withQuery(path: string, query: string): string {
  return query === '' ? path : `${path}?${query}`
}
