import type { App } from '../app.ts'
import type { Config } from '../config/config.ts'
import type { Net } from '../net/net.ts'
import type { Resolver } from '../resolver.ts'

/** The application as built from one reading of the configuration, in use until the next reload. */
export interface Generation {
  readonly app: App
  readonly config: Config
  readonly net: Net
  readonly resolver: Resolver
  enter(): void
  leave(): void
  /** Closes its connections once the last user has left. */
  end(): Promise<void>
}

/** Begins a generation by reading whatever the configuration of its application names. */
export async function beginGeneration(app: App): Promise<Generation> {
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

/** Holds the current generation, and those before it that are still in use. */
export interface Generations {
  current(): Generation
  /** Runs `work` with the current generation, which stays open until the work is done. */
  within<T>(work: (generation: Generation) => Promise<T>): Promise<T>
  /** Makes `next` the current generation; the one before ends when its last user has left. */
  follow(next: Generation): void
  /** Closes all generations, the first one last, because the others share what it has opened. */
  close(): Promise<void>
}

/** Makes a succession of generations that begins with `first`. */
export function createGenerations(first: Generation): Generations {
  let current = first
  const ending = new Set<Generation>()

  async function end(generation: Generation): Promise<void> {
    ending.add(generation)
    // What was closed meanwhile, with the process, cannot be closed gently any more.
    await generation.end().catch(() => undefined)
    ending.delete(generation)
    if (generation !== first) await generation.app.close()
  }

  return {
    current: () => current,
    async within(work) {
      const generation = current
      generation.enter()
      try {
        return await work(generation)
      } finally {
        generation.leave()
      }
    },
    follow(next) {
      const before = current
      current = next
      void end(before)
    },
    async close() {
      const rest = [...ending, current].filter((generation) => generation !== first)
      await Promise.all(rest.map(({ app }) => app.close()))
      await first.app.close()
    },
  }
}

/** Makes a resolver that asks the generation that is current at each call. */
export function resolverOf({ within, current }: Generations): Resolver {
  return {
    resolve: (target, signal) => within(({ resolver }) => resolver.resolve(target, signal)),
    renew: (target, signal, least) =>
      within(async ({ resolver }) => resolver.renew?.(target, signal, least)),
    revision: () => current().resolver.revision?.(),
    forget: (login) => current().resolver.forget?.(login),
    upkeepOf: (login) => current().resolver.upkeepOf?.(login),
  }
}

/** The network of the current generation. @param of - which of a generation's networks is meant */
export function netOf(
  { current }: Generations,
  of: (generation: Generation) => Pick<Net, 'upstream' | 'realm'> = ({ net }) => net,
): Pick<Net, 'upstream' | 'realm'> {
  return {
    get upstream() {
      return of(current()).upstream
    },
    realm: (options) => of(current()).realm(options),
  }
}
