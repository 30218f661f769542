import type { UpstreamConfig } from '../config/config.ts'
import { isDigest, isRepository } from '../model/grammar.ts'
import { quote, repositoryAt, tryParseHost } from '../model/host.ts'
import type { Action } from '../model/target.ts'
import { scopesOf } from '../token/scope.ts'
import { type Ask, type Kind, parseAsk } from './ask.ts'
import type { Deed } from './audit.ts'
import { pathOf } from './path.ts'
import { judgeWish } from './policy.ts'
import { isProblem, type Problem, problem } from './problem.ts'
import { has, type Query, single } from './query.ts'
import { type UpstreamTable, upstreamNamed, upstreamWritten } from './upstreams.ts'

/** Where a request goes: a registry of the table, and what in it. */
export interface Route {
  readonly method: string
  readonly kind: Kind
  readonly action: Action
  readonly upstream: UpstreamConfig
  /** The repository as the registry knows it. */
  readonly repository: string
  /** Digest, tag or sealed upload. */
  readonly reference: string
  /** `/v2/NAME` as the client knows the repository: what we answer with leads back here. */
  readonly base: string
  /** The client's `ns`, which goes on every URL that we answer with. */
  readonly ns: string | undefined
  /** The digest that an upload shall have in the end, or that is to be mounted. */
  readonly digest: string | undefined
  /** The repository to mount from, as the registry knows it. */
  readonly from: string | undefined
  /** The scopes of the token that the request needs. */
  readonly scopes: readonly string[]
  /** Path and query at the registry; of an upload the query alone, since its path is sealed. */
  readonly path: string
}

/** Which repository of which registry an {@link Ask} means. */
interface Place {
  readonly upstream: UpstreamConfig
  /** As the client writes it, without the registry in front. */
  readonly repository: string
  /** What stood in front, with its slash; empty if nothing did. */
  readonly prefix: string
  readonly ns: string | undefined
}

/**
 * Finds the route of a request, or why there is none. Nothing is dialled to find it.
 *
 * @param own the upstream that the request is for, whatever its path says
 */
export async function routeOf(
  table: UpstreamTable,
  own: UpstreamConfig | undefined,
  method: string,
  url: string,
): Promise<Route | Problem> {
  const ask = parseAsk(method, url)
  if (isProblem(ask)) return ask
  const place = await placeOf(table, own, ask)
  if (isProblem(place)) return place
  const { upstream } = place
  const repository = repositoryAt(upstream.host, place.repository)
  if (!isRepository(repository)) {
    return problem(400, 'NAME_INVALID', `${quote(place.repository)} is not a repository's name`)
  }
  const described = describe(method, ask, place, repository)
  if (isProblem(described)) return described
  const refused = judgeWish(described)
  if (refused === undefined) return described
  return { ...refused, denied: deedOf(described) }
}

/** What a request wants, as it is told to an audit. */
export function deedOf({ upstream, repository, action }: Route): Deed {
  return { host: upstream.host.name, repository, action }
}

async function placeOf(
  table: UpstreamTable,
  own: UpstreamConfig | undefined,
  ask: Ask,
): Promise<Place | Problem> {
  const ns = single(ask.query, 'ns')
  const nsHost = typeof ns === 'string' ? tryParseHost(ns) : undefined
  if (ns === null || (ns !== undefined && nsHost === undefined)) {
    return problem(400, 'NAME_INVALID', 'ns is not a registry host')
  }
  const whole = { repository: ask.name, prefix: '', ns }
  if (own !== undefined) {
    const agree = nsHost === undefined || nsHost.name === own.host.name
    return agree ? { upstream: own, ...whole } : twoNames(own.host.name, ns)
  }
  const [first = ''] = ask.name.split('/', 1)
  const rest = { repository: ask.name.slice(first.length + 1), prefix: `${first}/`, ns }
  if (nsHost === undefined) {
    const named = await upstreamNamed(table, first)
    return named === undefined ? unknown(first) : { upstream: named, ...rest }
  }
  // A repository may begin with a word that is an alias here; clients that say both write hosts.
  const named = await upstreamWritten(table, first)
  const upstream = await table.byHost(nsHost)
  if (upstream === undefined) return unknown(nsHost.name)
  if (named === undefined) return { upstream, ...whole }
  if (named.host.name !== upstream.host.name) return twoNames(named.host.name, ns)
  return { upstream, ...rest }
}

function describe(method: string, ask: Ask, place: Place, repository: string): Route | Problem {
  const { kind, action, reference, query } = ask
  const { upstream, ns } = place
  const digest = single(query, kind === 'uploads' && has(query, 'mount') ? 'mount' : 'digest')
  if (digest === null || (digest !== undefined && !isDigest(digest))) {
    return problem(400, 'DIGEST_INVALID', 'the digest in the query is not one')
  }
  const from = kind === 'uploads' && has(query, 'mount') ? mountSource(query, place) : undefined
  const base = `/v2/${place.prefix}${place.repository}`
  const scopes = scopesFor(method, action, repository, from)
  const path = pathOf({ kind, repository, reference, query, digest, from })
  const route = { method, kind, action, upstream, repository, reference, base, ns }
  return { ...route, digest, from, scopes, path }
}

/**
 * The repository to mount a blob from, if it is in the same registry: the client writes it as it
 * writes all names here, with the registry in front.
 */
function mountSource(query: Query, { upstream, prefix }: Place): string | undefined {
  const from = single(query, 'from')
  if (from === undefined || from === null || !from.startsWith(prefix)) return undefined
  const repository = repositoryAt(upstream.host, from.slice(prefix.length))
  return isRepository(repository) ? repository : undefined
}

/** The scopes of the token that a request needs: its own, and that of what it mounts. */
function scopesFor(
  method: string,
  action: Action,
  repository: string,
  from: string | undefined,
): readonly string[] {
  // distribution wants `delete` for every DELETE, that of an upload too.
  const own =
    method === 'DELETE' && action === 'push'
      ? [`repository:${repository}:pull,push,delete`]
      : scopesOf({ repository, action })
  if (from === undefined || from === repository) return own
  return [...own, ...scopesOf({ repository: from, action: 'pull' })]
}

/** The upload that a client falls back to when a blob cannot be mounted. */
export function withoutMount(route: Route): Route {
  const { repository, action } = route
  const path = `/v2/${repository}/blobs/uploads/`
  return {
    ...route,
    digest: undefined,
    from: undefined,
    scopes: scopesOf({ repository, action }),
    path,
  }
}

function unknown(name: string): Problem {
  const told = `${quote(name)} is not an upstream: configure it, or log in to it with purser login`
  return problem(404, 'NAME_UNKNOWN', told)
}

function twoNames(host: string, ns: string | undefined): Problem {
  return conflict(`the path says ${host}, ns says ${quote(ns ?? '')}`)
}

/** A request that names two registries goes to neither. */
export function conflict(message: string): Problem {
  return problem(400, 'NAME_INVALID', message)
}
