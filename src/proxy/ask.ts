import { isDigest, isReference } from '../model/grammar.ts'
import type { Action } from '../model/target.ts'
import { type Problem, problem } from './problem.ts'
import { parseQuery, type Query } from './query.ts'

/** What part of a repository a request is about. */
export type Kind = 'blob' | 'manifest' | 'referrers' | 'tags' | 'upload' | 'uploads'

/** What a request says by its method and URL alone, before anybody knows which registry it means. */
export interface Ask {
  readonly kind: Kind
  readonly action: Action
  /** Everything between `/v2/` and the part that tells the kind: a registry may be in front. */
  readonly name: string
  /** Digest, tag or sealed upload; empty for what has none. */
  readonly reference: string
  readonly query: Query
}

/** The methods of each kind, and what one must be allowed to do for them. */
const METHODS: Readonly<Record<Kind, ReadonlyMap<string, Action>>> = {
  blob: new Map([
    ['GET', 'pull'],
    ['HEAD', 'pull'],
    ['DELETE', 'delete'],
  ]),
  manifest: new Map([
    ['GET', 'pull'],
    ['HEAD', 'pull'],
    ['PUT', 'push'],
    ['DELETE', 'delete'],
  ]),
  referrers: new Map([['GET', 'pull']]),
  tags: new Map([['GET', 'pull']]),
  upload: new Map([
    ['PATCH', 'push'],
    ['PUT', 'push'],
    ['GET', 'push'],
    ['DELETE', 'push'],
  ]),
  uploads: new Map([['POST', 'push']]),
}

/**
 * A Location of Google's registry is 1 KB, sealed 1.4 KB, and the name has 255 characters: what is
 * longer than this is no URL of a registry.
 */
const MAX_URL_LENGTH = 16 * 1024

/** Visible ASCII without the characters that parsers of URLs disagree about. */
const PATH = /^\/v2\/[A-Za-z0-9._/:+=-]+$/
const VISIBLE = /^[\x21-\x7e]*$/

/** Reads a request for something below `/v2/`. */
export function parseAsk(method: string, url: string): Ask | Problem {
  if (url.length > MAX_URL_LENGTH) return problem(414, 'NAME_INVALID', 'the url is too long')
  const mark = url.indexOf('?')
  // Digests are the one thing here in which clients escape a character that needs none.
  const path = (mark === -1 ? url : url.slice(0, mark)).replace(/%3a(?=[^/]*$)/i, ':')
  const search = mark === -1 ? '' : url.slice(mark + 1)
  if (!path.startsWith('/v2/') && path.startsWith('/')) return notServed(path)
  if (!PATH.test(path) || path.includes('/../') || path.includes('/./')) {
    return problem(400, 'NAME_INVALID', 'the path is not one of a registry')
  }
  const query = VISIBLE.test(search) ? parseQuery(search) : undefined
  if (query === undefined) return problem(400, 'UNSUPPORTED', 'the query is malformed')
  const found = split(path)
  if (found === undefined) return notServed(path)
  const action = METHODS[found.kind].get(method)
  if (action === undefined) return notAllowed(method, found.kind)
  return { ...found, action, query }
}

type Part = Pick<Ask, 'kind' | 'name' | 'reference'>

/** Reads from the end: a component of a name may itself be called `manifests` or `blobs`. */
function split(path: string): Part | undefined {
  const last = path.lastIndexOf('/')
  const second = path.lastIndexOf('/', last - 1)
  const end = path.slice(last + 1)
  const before = path.slice(second + 1, last)
  const third = path.lastIndexOf('/', second - 1)
  if (before === 'uploads' && path.slice(third + 1, second) === 'blobs') {
    const kind = end === '' ? 'uploads' : 'upload'
    return { kind, name: path.slice(4, third), reference: end }
  }
  const name = path.slice(4, second)
  if (end === 'uploads' && before === 'blobs') return { kind: 'uploads', name, reference: '' }
  if (end === 'list' && before === 'tags') return { kind: 'tags', name, reference: '' }
  if (before === 'blobs' && isDigest(end)) return { kind: 'blob', name, reference: end }
  if (before === 'manifests' && isReference(end)) return { kind: 'manifest', name, reference: end }
  if (before === 'referrers' && isDigest(end)) return { kind: 'referrers', name, reference: end }
  return undefined
}

function notServed(path: string): Problem {
  if (path.endsWith('/_catalog')) {
    return problem(404, 'UNSUPPORTED', 'catalogs are not served: they show what is not yours')
  }
  const invalid = /\/(blobs|referrers)\/[^/]*$/.test(path)
  return invalid
    ? problem(400, 'DIGEST_INVALID', 'the url does not end in a digest')
    : problem(404, 'NAME_INVALID', 'the path is not one of a registry')
}

function notAllowed(method: string, kind: Kind): Problem {
  const allow = [...METHODS[kind].keys()].join(', ')
  return { ...problem(405, 'UNSUPPORTED', `no ${method} of ${kind}`), allow }
}
