import type { IncomingHttpHeaders } from 'undici/types/header.js'
import { createLru } from '../cache/lru.ts'
import { retryAtIn } from '../observe/rate-limits.ts'
import type { Authorization } from './authorize.ts'
import { type Problem, problem } from './problem.ts'
import type { Route } from './route.ts'

/** Remembers which registries have asked for a pause. */
export interface Backoff {
  /** Notes the pause that a registry's answer asks for, if it does. */
  see(route: Route, by: Authorization, status: number, headers: IncomingHttpHeaders): void
  /** @returns the answer to give instead of asking the registry; `undefined` if it may be asked */
  check(route: Route, by: Authorization): Problem | undefined
}

interface Pause {
  readonly status: number
  /** Milliseconds since the epoch. */
  readonly since: number
  readonly until: number
}

/** A kind of request of each identity, at some dozens of registries. */
const CAPACITY = 1_000
/** A registry that asks for hours is looked at again in between: accounts are upgraded. */
const MAX_PAUSE_MS = 60_000

/**
 * Makes a memory of pauses, empty at first.
 *
 * containerd asks again at once after a 429, and a node has many clients: so for as long as a registry
 * asks for a pause, they are answered here. It may still serve another identity, or another kind of
 * request. Pushes are not held up: their clients would have to send a body again.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
 */
export function createBackoff({ now }: { readonly now: () => number }): Backoff {
  const pauses = createLru<Pause>(CAPACITY)
  // When all of them are over; 0 if there are none: then a read costs a comparison.
  let last = 0

  return {
    see(route, by, status, headers) {
      if (route.action !== 'pull' || (status !== 429 && status !== 503)) return
      const at = now()
      const until = Math.min(retryAtIn(headers, at)?.getTime() ?? at, at + MAX_PAUSE_MS)
      if (until <= at) return
      pauses.set(keyOf(route, by), { status, since: at, until })
      last = Math.max(last, until)
    },
    check(route, by) {
      if (last === 0 || route.action !== 'pull') return undefined
      const at = now()
      if (at >= last) last = 0
      const pause = pauses.get(keyOf(route, by))
      if (pause === undefined || at < pause.since || at >= pause.until) return undefined
      const retryAfterS = Math.ceil((pause.until - at) / 1_000)
      const told = `${route.upstream.host.name} wants to be asked again in ${retryAfterS} s`
      const code = pause.status === 429 ? 'TOOMANYREQUESTS' : 'UNAVAILABLE'
      return { ...problem(pause.status, code, told), retryAfterS }
    },
  }
}

function keyOf({ upstream, kind }: Route, { resolution }: Authorization): string {
  return `${upstream.host.name} ${kind} ${resolution?.from ?? ''}`
}
