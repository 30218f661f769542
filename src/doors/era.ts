import type { App } from '../app.ts'
import type { Config } from '../config/config.ts'
import type { Net } from '../net/net.ts'
import type { Resolver } from '../resolver.ts'

/** The application as built from one reading of the configuration, in use until the next reload. */
export interface Era {
  readonly app: App
  readonly config: Config
  readonly net: Net
  readonly resolver: Resolver
  enter(): void
  leave(): void
  /** Closes its connections once the last user has left. */
  end(): Promise<void>
}

/** Begins an era by reading whatever the configuration of its application names. */
export async function beginEra(app: App): Promise<Era> {
  const [config, net, resolver] = [await app.config(), await app.net(), await app.ownResolver()]
  const { promise: unused, resolve: tellUnused } = Promise.withResolvers<void>()
  let users = 0
  let ending = false
  const look = () => {
    if (ending && users === 0) tellUnused()
  }
  return {
    ...{ app, config, net, resolver },
    enter() {
      users++
    },
    leave() {
      users--
      look()
    },
    async end() {
      ending = true
      look()
      await unused
      await net.end()
    },
  }
}

/** Holds the current era, and those before it that are still in use. */
export interface Eras {
  current(): Era
  /** Runs `work` with the current era, which stays open until the work is done. */
  within<T>(work: (era: Era) => Promise<T>): Promise<T>
  /** Makes `next` the current era; the one before ends when its last user has left. */
  follow(next: Era): void
  /** Closes all eras, the first one last, because the others share what it has opened. */
  close(): Promise<void>
}

/** Makes a succession of eras that begins with `first`. */
export function createEras(first: Era): Eras {
  let current = first
  const ending = new Set<Era>()

  async function end(era: Era): Promise<void> {
    ending.add(era)
    // What was closed meanwhile, with the process, cannot be closed gently any more.
    await era.end().catch(() => undefined)
    ending.delete(era)
    if (era !== first) await era.app.close()
  }

  return {
    current: () => current,
    async within(work) {
      const era = current
      era.enter()
      try {
        return await work(era)
      } finally {
        era.leave()
      }
    },
    follow(next) {
      const before = current
      current = next
      void end(before)
    },
    async close() {
      const rest = [...ending, current].filter((era) => era !== first)
      await Promise.all(rest.map(({ app }) => app.close()))
      await first.app.close()
    },
  }
}

/** Makes a resolver that asks the era that is current at each call. */
export function resolverOf({ within, current }: Eras): Resolver {
  return {
    resolve: (target, signal) => within(({ resolver }) => resolver.resolve(target, signal)),
    renew: (target, signal, least) =>
      within(async ({ resolver }) => resolver.renew?.(target, signal, least)),
    revision: () => current().resolver.revision?.(),
    forget: (login) => current().resolver.forget?.(login),
    upkeepOf: (login) => current().resolver.upkeepOf?.(login),
  }
}

/** The network of the current era. @param of - which of an era's networks is meant */
export function netOf(
  { current }: Eras,
  of: (era: Era) => Pick<Net, 'upstream' | 'realm'> = ({ net }) => net,
): Pick<Net, 'upstream' | 'realm'> {
  return {
    get upstream() {
      return of(current()).upstream
    },
    realm: (options) => of(current()).realm(options),
  }
}
