import { createCache } from '../../src/cache/cache.ts'
import { PurserError } from '../../src/model/errors.ts'
import { parseHost } from '../../src/model/host.ts'
import { createRegistries } from '../../src/registries/all.ts'
import { createResolver } from '../../src/resolver.ts'
import { offline, targetOf } from '../registries/harness.ts'
import type { Provocation, Provocations } from './stage.ts'

const signal = () => AbortSignal.timeout(10_000)

/** The last of so many exchanges, so many seconds apart, each of which ends like this. */
const exchanges =
  (count: number, everyS: number, produce: (at: number) => Date): Provocation =>
  async () => {
    let at = Date.UTC(2026, 10, 20)
    const cache = createCache<string>({ now: () => at })
    const ask = () =>
      cache.get('key', async () => ({ value: 'x', expiresAt: produce(at) }), signal())
    for (let i = 1; i < count; i++) {
      await ask().catch(() => undefined)
      at += everyS * 1000
    }
    return ask()
  }

function refuse(): never {
  throw new PurserError('exchange-failed', 'the cloud refused', { hint: 'ask it why' })
}

/** What lifetimes, and limits of how often somebody is asked, are told with. */
export const LIFETIME: Provocations = {
  'what is given has ended': exchanges(1, 0, (at) => new Date(at - 24 * 3_600_000)),
  'a refusal is remembered': exchanges(4, 1, refuse),
  'there were too many': exchanges(13, 60, (at) => new Date(at + 10_000)),
  'it is told with whose credential': async () => {
    const host = parseHost('ghcr.io')
    const resolver = createResolver({
      sources: [
        {
          name: 'vault',
          find: async () => ({ credential: { kind: 'ambient-gcp' }, from: 'entry ci of ghcr.io' }),
        },
      ],
      registries: createRegistries(offline),
      cache: createCache({ now: Date.now }),
    } as never)
    return resolver.resolve(targetOf(host), signal())
  },
}
