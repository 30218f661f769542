import { createLru } from '../cache/lru.ts'
import { isSigned, remainingLifeMs } from './signed-url.ts'

/** Where blobs lie, for as long as what leads there is good. */
export interface Redirects {
  /**
   * Where a blob lies: at once, or as soon as whoever asks the registry for it now has heard; else
   * the caller is the one to ask, and must tell.
   */
  ask(key: string): Answer
  /** Whether the registry serves this one itself: then there is nothing to ask for. */
  isDirect(key: string): boolean
  /** Forgets one that was refused, if it is still this one. */
  drop(key: string, url: URL): void
}

/** What is known of a blob's place. */
export type Answer =
  | { readonly kind: 'known'; readonly url: URL }
  | { readonly kind: 'wait'; readonly told: Promise<URL | undefined> }
  | { readonly kind: 'lead'; tell(place: Place): void }

/** What the registry said: a redirect, that it has none, or nothing that would tell. */
export type Place =
  | { readonly kind: 'elsewhere'; readonly url: URL; readonly date: string | undefined }
  | { readonly kind: 'here' | 'untold' }

/** What is remembered with. */
export interface RedirectsOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /**
   * Whether a refusal of the URL will be seen here. Where the client goes there by itself, only what
   * tells its own end is kept, and for half of its life: a client that comes back because it was
   * refused would get the same again.
   */
  readonly followed: boolean
}

interface Kept {
  readonly url: URL
  readonly since: number
  readonly until: number
}

/** A layer each, of a thousand images. */
const CAPACITY = 10_000
/** A reader that is slow to start must still be let in. */
const MARGIN_MS = 30_000
/** ECR's own hour: who lost the right to a blob shall not read it for long after. */
const MAX_KEPT_MS = 60 * 60_000
/** Quay's live 10 minutes and GitHub's 5; what was refused too early is asked for again anyway. */
const UNTOLD_KEPT_MS = 4 * 60_000
/** Some keep the large blobs in a store and serve the small ones: what is true of one is not of all. */
const DIRECT_MS = 60_000

/**
 * Makes an empty memory of redirects.
 *
 * Lazy readers ask for thousands of ranges of one blob. Each would cost a round trip to the registry
 * and one to its store, and the first is always answered with the same.
 */
export function createRedirects({ now, followed }: RedirectsOptions): Redirects {
  const kept = createLru<Kept>(CAPACITY)
  const pending = new Map<string, Promise<URL | undefined>>()
  const direct = createLru<number>(CAPACITY)

  function known(key: string): URL | undefined {
    const found = kept.get(key)
    const at = now()
    // A clock that was set back makes every end later than it is.
    return found !== undefined && at >= found.since && at < found.until ? found.url : undefined
  }

  function keep(key: string, url: URL, date: string | undefined): void {
    const at = now()
    const ms = keptMs(url, Date.parse(date ?? '') || at, followed)
    if (ms > 0) kept.set(key, { url, since: at, until: at + ms })
  }

  function lead(key: string): Answer {
    const { promise, resolve } = Promise.withResolvers<URL | undefined>()
    pending.set(key, promise)
    return {
      kind: 'lead',
      tell(place) {
        if (pending.get(key) !== promise) return
        pending.delete(key)
        if (place.kind === 'elsewhere') keep(key, place.url, place.date)
        if (place.kind === 'here') direct.set(key, now())
        resolve(place.kind === 'elsewhere' ? place.url : undefined)
      },
    }
  }

  return {
    isDirect(key) {
      const since = direct.get(key)
      if (since === undefined) return false
      const agoMs = now() - since
      return agoMs >= 0 && agoMs < DIRECT_MS
    },
    ask(key) {
      const url = known(key)
      if (url !== undefined) return { kind: 'known', url }
      const told = pending.get(key)
      return told === undefined ? lead(key) : { kind: 'wait', told }
    },
    drop(key, url) {
      if (kept.get(key)?.url === url) kept.delete(key)
    },
  }
}

function keptMs(url: URL, at: number, followed: boolean): number {
  const life = remainingLifeMs(url, at)
  if (life === undefined) return followed && isSigned(url) ? UNTOLD_KEPT_MS : 0
  return Math.min(followed ? life - MARGIN_MS : Math.min(life - MARGIN_MS, life / 2), MAX_KEPT_MS)
}
