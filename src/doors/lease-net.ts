import type { Dispatcher } from 'undici'
import { type Config, upstreamOf } from '../config/config.ts'
import type { Net } from '../net/net.ts'
import { originOf } from '../token/upstream.ts'

/** The ways out that registries, their token services and stores are reached by. */
type Ways = Pick<Net, 'upstream' | 'realm' | 'open'>

/**
 * The ways out of a lease: to whom the configuration names as for everybody, and to all others at
 * public addresses alone.
 *
 * A lease's registries are named by its request and by its workspace's entries, which a platform may
 * have of its users: through them, anybody could look around in this network.
 */
export function leaseNet(net: Net, { upstreams, buildRegistry }: Config): Ways {
  const named = [
    ...upstreams,
    ...(buildRegistry === undefined ? [] : [upstreamOf(upstreams, buildRegistry.host)]),
  ]
  const origins = new Set(
    named.flatMap((upstream) => [originOf(upstream), ...upstream.realms, ...upstream.storage]),
  )
  // A registry's store may be on another port of it.
  const hostnames = new Set(named.map((upstream) => new URL(originOf(upstream)).hostname))
  const outside = net.realm({ allowPrivate: false, isKnown: true })

  function unless(isNamed: (origin: string) => boolean): Dispatcher {
    return net.upstream.compose(
      (dispatch) => (options, handler) =>
        isNamed(String(options.origin))
          ? dispatch(options, handler)
          : outside.dispatch(options, handler),
    )
  }

  const upstream = unless((origin) => origins.has(origin))
  const own = unless((origin) => origins.has(origin) || hostnames.has(new URL(origin).hostname))
  return {
    upstream,
    realm: (options) => (options.allowPrivate ? own : net.realm(options)),
    open: (origin, signal) =>
      net.open(origin, signal, origins.has(origin.origin) ? 'none' : 'known'),
  }
}
